"""The services' TicketStore, in Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from authz.adapters.redis import audit, expire
from authz.adapters.redis.body import body
from authz.adapters.redis.create import create
from authz.adapters.redis.end import end
from authz.adapters.redis.keys import Keys, keys_of
from authz.adapters.redis.link import Link
from authz.adapters.redis.load import load
from authz.adapters.redis.redeem import redeem
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.startup import check_server
from authz.adapters.redis.supersede import supersede
from authz.adapters.redis.vote import vote
from authz.adapters.redis.withdraw import withdraw
from authz.domain.errors import SettingsInvalid, StoreUnavailable
from authz.domain.events import Event
from authz.domain.request import CheckId
from authz.domain.ticket import Ending, State, TicketDraft, Vote
from authz.services.ports import Created, Loaded, Page, RedeemResult


class RedisTicketStore:
    """Tickets in one partition of one Redis. Use it from one event loop."""

    def __init__(self, settings: RedisSettings) -> None:
        """Connect nothing yet; `start` does."""
        self._settings = settings
        self._keys = Keys.of(0)
        self.link = Link(settings.url, settings.max_connections, settings.timeout_ms)
        # Readers that wait get connections of their own, so that they can starve no check.
        self.waiting = Link(settings.url, settings.blocking_connections, settings.timeout_ms)
        self._trusted = False

    async def start(self) -> None:
        """Look at the server. Raises SettingsInvalid with every problem, and StoreUnavailable.

        A server that can't be reached now is looked at before anything is first written to it.
        """
        await check_server(self.link, self._keys, self._settings)
        self._trusted = True

    async def aclose(self) -> None:
        """Close every connection."""
        await self.link.aclose()
        await self.waiting.aclose()

    async def load(self, ticket_id: str) -> Loaded | None:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return None
        now, [ticket] = await load(self.link, keys, [ticket_id])
        return Loaded(ticket, now) if ticket else None

    async def body(self, ticket_id: str) -> bytes | None:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        return await body(self.link, keys, ticket_id) if keys else None

    async def create(self, draft: TicketDraft, body: bytes = b"") -> Created:
        """See TicketStore. Raises ValueError for a draft whose id is none of this store's."""
        keys = keys_of(draft.id, self._settings.partitions)
        if keys is None:
            msg = f"{draft.id!r} is not an id for a ticket in {self._settings.partitions} partition(s)"
            raise ValueError(msg)
        await self._trust()
        return await create(self.link, keys, self._settings, draft, body)

    async def vote(
        self, ticket_id: str, rev: int, votes: Sequence[Vote], state: State, reason: Mapping[str, object]
    ) -> Loaded | None:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return None
        await self._trust()
        return await vote(self.link, keys, self._settings, ticket_id, rev, votes, state, reason)

    async def supersede(
        self, ticket_id: str, rev: int, draft: TicketDraft, body: bytes = b""
    ) -> Created | None:
        """See TicketStore. Raises ValueError for a draft whose id is in another partition than the ticket."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return None
        if keys_of(draft.id, self._settings.partitions) != keys:
            msg = f"{draft.id!r} can't replace {ticket_id!r}: they are in two partitions"
            raise ValueError(msg)
        await self._trust()
        return await supersede(self.link, keys, self._settings, ticket_id, rev, draft, body)

    async def withdraw(self, ticket_id: str, rev: int, person: str) -> Loaded | None:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return None
        await self._trust()
        return await withdraw(self.link, keys, ticket_id, rev, person)

    async def end(self, ticket_id: str, rev: int, state: State, ending: Ending) -> Loaded | None:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return None
        await self._trust()
        return await end(self.link, keys, self._settings, ticket_id, rev, state, ending)

    async def redeem(
        self, ticket_id: str, digest: str, check: CheckId, uses: int, window_ms: int
    ) -> RedeemResult:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return RedeemResult.UNKNOWN
        await self._trust()
        return await redeem(self.link, keys, self._settings, ticket_id, digest, check, uses, window_ms)

    async def expire_due(self, limit: int) -> int:
        """See TicketStore."""
        await self._trust()
        return await expire.expire_due(self.link, self._keys, self._settings, limit)

    async def page(self, state: State | None, limit: int, cursor: str) -> Page:
        """See TicketStore. The cursor is the last ticket's place in the index, which stays its own."""
        scope = state.value if state else "all"
        newest = f"({scope}:{cursor}" if cursor else f"({scope};"
        args = ("ZREVRANGEBYLEX", self._keys.index, newest, f"({scope}:", "LIMIT", 0, limit)
        members = cast("list[bytes]", await self.link.command(*args))
        places = [member.decode().partition(":")[2] for member in members]
        now, tickets = await load(self.link, self._keys, [place.partition(":")[2] for place in places])
        # One that ended meanwhile is still there; one whose retention is over is not, and isn't missed.
        return Page([one for one in tickets if one], now, places[-1] if len(places) == limit else "")

    async def events(self, after: str, limit: int, block_ms: int) -> Sequence[Event]:
        """See TicketStore. Raises ValueError for a position that no event has."""
        return await audit.events(self.waiting, self._keys, after, limit, block_ms)

    async def last_position(self) -> str:
        """See TicketStore."""
        return await audit.last_position(self.link, self._keys)

    async def _trust(self) -> None:
        if self._trusted:
            return
        try:
            await self.start()
        except SettingsInvalid as error:
            raise StoreUnavailable(f"this Redis can't be trusted with tickets: {error}") from error
