"""The services' ReviewStore, in the Redis of the tickets."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import cast

from authz.adapters.redis.codec import (
    decode_review,
    encode_check,
    encode_ending,
    encode_review,
    ending_data,
    review_data,
)
from authz.adapters.redis.fan_out import all_of
from authz.adapters.redis.keys import Keys, every_partition, keys_of
from authz.adapters.redis.link import Reply
from authz.adapters.redis.load import hashes_of
from authz.adapters.redis.quota_word import identity_word
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.break_glass import ReviewDraft
from authz.domain.errors import BreakGlassExhausted, StoreUnavailable
from authz.domain.request import CheckId
from authz.domain.ticket import REPLAY_WINDOW_MS, Ending
from authz.services.review_port import Reviewed

_USED = packaged("pace", "break_glass", prelude=True)
_DONE = packaged("reviewed", prelude=True)
_REVIEW_RETRY_S = 30


class RedisReviewStore:
    """Reviews beside the tickets, over the same connections. Use it from one event loop."""

    def __init__(self, tickets: RedisTicketStore, settings: RedisSettings) -> None:
        """Share the connections, and the look at the server, of the ticket store."""
        self._tickets = tickets
        self._settings = settings
        self._share = settings.share
        self._partitions = every_partition(settings.partitions)

    async def break_glass(self, draft: ReviewDraft, check: CheckId, body: bytes = b"") -> Reviewed:
        """See ReviewStore. Raises ValueError for a draft whose id is none of this store's."""
        keys = keys_of(draft.id, self._settings.partitions)
        if keys is None:
            msg = f"{draft.id!r} is not an id for a review in {self._settings.partitions} partition(s)"
            raise ValueError(msg)
        await self._tickets.trust()
        if body and await self._tickets.nearly_full(keys):
            body = b""
        requester = identity_word(draft.requester.identity)
        args = (
            draft.id,
            encode_review(draft),
            review_data(draft),
            draft.break_glass.review_within_ms,
            body,
            self._settings.body_retention_ms,
            int(bool(check.http_id)),
            REPLAY_WINDOW_MS,
            requester,
            self._share.max_open_reviews,
            self._share.max_open_reviews_per_requester,
            self._share.break_glass_per_minute_per_requester,
        )
        names = (
            *keys.shared,
            keys.review(draft.id),
            keys.body(draft.id),
            keys.once(_use(draft, check)),
            keys.reviews,
            keys.breakers,
            keys.pace(f"glass-{requester}"),
        )
        match await self._tickets.link.run(_USED, names, args, lasting=_lets_through):
            case [b"full", bytes() as scope]:
                raise self._exhausted(scope.decode(), _REVIEW_RETRY_S)
            case [b"full", bytes() as scope, bytes() as wait]:
                raise self._exhausted(scope.decode(), max(1, -(-int(wait) // 1000)))
            case [bytes() as now, list() as flat]:
                return Reviewed(decode_review(cast("list[bytes]", flat)), int(now))
            case bytes() as known:
                if (reviewed := await self.review(known.decode())) is not None:
                    return reviewed
                raise StoreUnavailable("the review of this Check is gone")
            case other:
                raise StoreUnavailable(f"Redis answered a use of break-glass with {other!r}")

    async def review(self, review_id: str) -> Reviewed | None:
        """See ReviewStore."""
        keys = keys_of(review_id, self._settings.partitions)
        if keys is None:
            return None
        found = await self._loaded(keys, [review_id])
        return found[0] if found else None

    async def reviews(self, limit: int) -> Sequence[Reviewed]:
        """See ReviewStore."""
        if limit < 1:
            return ()
        found = await all_of(self._first(keys, limit) for keys in self._partitions)
        # Somebody may have done one meanwhile.
        still_open = [one for some in found for one in some if one.review.done_at is None]
        return sorted(still_open, key=lambda one: one.review.due_at)[:limit]

    async def finish_review(self, review_id: str, ending: Ending) -> Reviewed | None:
        """See ReviewStore."""
        keys = keys_of(review_id, self._settings.partitions)
        if keys is None:
            return None
        await self._tickets.trust()
        args = (
            review_id,
            encode_ending(ending),
            ending_data(ending),
            self._settings.retention_ms,
            self._settings.body_retention_ms,
        )
        names = (*keys.shared, keys.review(review_id), keys.body(review_id), keys.reviews, keys.breakers)
        reply = await self._tickets.link.run(_DONE, names, args)
        if reply is None:
            return None
        now, flat = cast("tuple[bytes, list[bytes]]", reply)
        return Reviewed(decode_review(flat), int(now))

    def _exhausted(self, scope: str, retry_after_s: int) -> BreakGlassExhausted:
        limits = {
            "total": self._share.max_open_reviews,
            "requester": self._share.max_open_reviews_per_requester,
            "rate_requester": self._share.break_glass_per_minute_per_requester,
        }
        return BreakGlassExhausted(scope, limits[scope], retry_after_s)

    async def _first(self, keys: Keys, limit: int) -> list[Reviewed]:
        command = self._tickets.link.command("ZRANGE", keys.reviews, 0, limit - 1, key=keys.reviews)
        members = cast("list[bytes]", await command)
        return await self._loaded(keys, [member.decode() for member in members])

    async def _loaded(self, keys: Keys, identifiers: Sequence[str]) -> list[Reviewed]:
        names = [keys.review(identifier) for identifier in identifiers]
        now, hashes = await hashes_of(self._tickets.link, keys, names)
        return [Reviewed(decode_review(flat), now) for flat in hashes if flat]


def _lets_through(reply: Reply) -> bool:
    """Say for `lasting` whether a request goes through for this reply, now or for the second time."""
    return not isinstance(reply, list) or reply[0] != b"full"


def _use(draft: ReviewDraft, check: CheckId) -> str:
    """Return what makes two uses the same: the Check, and that it asks for the same."""
    who = draft.requester.identity
    text = f"{len(who.ns)}:{who.ns}{len(who.id)}:{who.id} {draft.payload_digest} {encode_check(check)}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
