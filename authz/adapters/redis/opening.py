"""The keys and arguments of a new ticket, for the scripts that store one, and what they may answer."""

from __future__ import annotations

from authz.adapters.redis.codec import decode_ticket, draft_data, encode_check, encode_draft
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Argument, Reply
from authz.adapters.redis.quota_word import EVERYBODY, identity_word, kind_word
from authz.adapters.redis.settings import RedisSettings
from authz.domain.errors import StoreFull, StoreUnavailable, TooManyTickets
from authz.domain.request import CheckId
from authz.domain.ticket import TicketDraft
from authz.services.ports import Created

LOOKS = 4
"""How often the ticket of an equal request may change while it is looked up."""

_OPEN_RETRY_S = 30


class Opening:
    """One new ticket on its way into a partition."""

    def __init__(  # noqa: PLR0913 - the port's arguments, and where
        self,
        keys: Keys,
        settings: RedisSettings,
        draft: TicketDraft,
        body: bytes,
        check: CheckId | None = None,
        *,
        closed: bool = False,
    ) -> None:
        """Encode the draft, once for all looks. While `closed`, only a ticket that is there already is given."""
        demand = draft.requirement
        self._requester, self._rule = requester_word(draft), kind_word("rule", demand.rule)
        self._draft, self._keys, self._settings = draft, keys, settings
        self._args: tuple[Argument, ...] = (
            encode_draft(draft),
            draft.fingerprint.digest,
            self._requester,
            self._rule,
            demand.expires_in_ms,
            demand.valid_for_ms,
            demand.uses,
            settings.retention_ms,
            settings.reject_cooldown_ms,
            draft_data(draft),
            body,
            settings.body_retention_ms,
            int(bool(draft.answers_for)),
            settings.max_open_total,
            settings.max_open_per_requester,
            settings.max_open_per_rule,
            settings.tickets_per_minute,
            settings.tickets_per_minute_per_requester,
            settings.tickets_per_minute_per_rule,
            settings.max_stored_bytes,
            settings.max_stored_bytes_per_requester,
            encode_check(check) if check is not None and check.http_id else b"",
            int(closed),
        )

    def names(self, believed: str) -> list[str]:
        """Return the keys in the order of opening.lua."""
        keys, identifier = self._keys, self._draft.id
        paces = (keys.pace(whose) for whose in (EVERYBODY, self._requester, self._rule))
        sizes = (keys.size(whose) for whose in (EVERYBODY, self._requester))
        return [
            *keys.shared,
            keys.ticket(identifier),
            keys.body(identifier),
            keys.same(self._draft.answers_for or identifier),
            *paces,
            *sizes,
            keys.ticket(believed or identifier),
        ]

    def args(self, believed: str) -> list[Argument]:
        """Return the arguments in the order of opening.lua."""
        return [self._draft.id, believed, *self._args]

    def created(self, reply: Reply) -> Created | str:
        """Return what a reply says: the ticket, or the id that the caller has to look again with.

        Raises TooManyTickets, RecordUnreadable, and StoreUnavailable, StoreFull while closed.
        """
        match reply:
            case [b"created" | b"existing" as verdict, bytes() as now, list() as flat]:
                fields = [field for field in flat if isinstance(field, bytes)]
                return Created(decode_ticket(fields), int(now), created=verdict == b"created")
            case [b"moved", bytes() as named]:
                return named.decode()
            case [b"closed"]:
                percent = self._settings.memory_watermark
                raise StoreFull(f"at least {percent} % of Redis's memory is used; nothing new is held")
            case [b"full", bytes() as scope]:
                raise TooManyTickets(scope.decode(), self._limit(scope.decode()), _OPEN_RETRY_S)
            case [b"full", bytes() as scope, bytes() as wait]:
                seconds = max(1, -(-int(wait) // 1000))
                raise TooManyTickets(scope.decode(), self._limit(scope.decode()), seconds)
            case _:
                raise StoreUnavailable(f"Redis answered a new ticket with {reply!r}")

    def _limit(self, scope: str) -> int:
        settings = self._settings
        limits = {
            "total": settings.max_open_total,
            "requester": settings.max_open_per_requester,
            "rule": settings.max_open_per_rule,
            "rate_total": settings.tickets_per_minute,
            "rate_requester": settings.tickets_per_minute_per_requester,
            "rate_rule": settings.tickets_per_minute_per_rule,
            "bytes_total": settings.max_stored_bytes,
            "bytes_requester": settings.max_stored_bytes_per_requester,
        }
        return limits[scope]


def requester_word(draft: TicketDraft) -> str:
    """Return for whom the quotas count a ticket: its requester, or the source address of nobody in particular."""
    return kind_word("by", draft.quota_key) if draft.quota_key else identity_word(draft.requester.identity)
