"""The services' TicketStore, in Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from authz.adapters.redis.audit import Audit
from authz.adapters.redis.body import body
from authz.adapters.redis.create import create
from authz.adapters.redis.end import end
from authz.adapters.redis.expire import Sweep
from authz.adapters.redis.keys import Keys, every_partition, keys_of
from authz.adapters.redis.link import Link
from authz.adapters.redis.load import load
from authz.adapters.redis.pages import page
from authz.adapters.redis.redeem import redeem
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.startup import check_server
from authz.adapters.redis.supersede import supersede
from authz.adapters.redis.vote import vote
from authz.adapters.redis.watermark import Watermark
from authz.adapters.redis.withdraw import withdraw
from authz.domain.errors import SettingsInvalid, StoreUnavailable
from authz.domain.events import Event
from authz.domain.request import CheckId
from authz.domain.ticket import Ending, State, TicketDraft, Vote
from authz.services.ports import Created, Loaded, Page, RedeemResult


class RedisTicketStore:
    """Tickets in the partitions of one Redis. Use it from one event loop."""

    def __init__(self, settings: RedisSettings) -> None:
        """Connect nothing yet; `start` does."""
        self._settings = settings
        self._share = settings.share
        self._partitions = every_partition(settings.partitions)
        self.link = Link(
            settings.url, settings.max_connections, settings.timeout_ms, replicas=settings.replicas
        )
        # Readers that wait get connections of their own, so that they can starve no check.
        self.waiting = Link(settings.url, settings.blocking_connections, settings.timeout_ms)
        self._audit = Audit(self.link, self.waiting, self._partitions)
        self._sweep = Sweep(self.link, self._partitions, settings)
        self._watermark = Watermark(self.link, self._partitions, settings.memory_watermark)
        self._trusted = False

    async def start(self) -> None:
        """Look at the server. Raises SettingsInvalid with every problem, and StoreUnavailable.

        A server that can't be reached now is looked at before anything is first written to it.
        """
        await check_server(self.link, self._settings)
        self._trusted = True

    async def aclose(self) -> None:
        """Close every connection."""
        await self._watermark.aclose()
        await self.link.aclose()
        await self.waiting.aclose()

    @property
    def memory_used(self) -> float:
        """The share of maxmemory that is used on the fullest node, as last read; 0 where nothing is known."""
        return self._watermark.used

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

    async def create(self, draft: TicketDraft, body: bytes = b"", check: CheckId | None = None) -> Created:
        """See TicketStore. Raises ValueError for a draft whose id is none of this store's."""
        keys = keys_of(draft.id, self._settings.partitions)
        if keys is None:
            msg = f"{draft.id!r} is not an id for a ticket in {self._settings.partitions} partition(s)"
            raise ValueError(msg)
        await self.trust()
        closed = await self.nearly_full(keys)
        return await create(self.link, keys, self._share, draft, body, check, closed=closed)

    async def vote(  # noqa: PLR0913, PLR0917 - the port's
        self,
        ticket_id: str,
        rev: int,
        votes: Sequence[Vote],
        state: State,
        reason: Mapping[str, object],
        until: int | None = None,
    ) -> Loaded | None:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return None
        await self.trust()
        return await vote(self.link, keys, self._settings, ticket_id, rev, votes, state, reason, until)

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
        await self.trust()
        closed = await self.nearly_full(keys)
        return await supersede(self.link, keys, self._share, ticket_id, rev, draft, body, closed=closed)

    async def withdraw(self, ticket_id: str, rev: int, person: str) -> Loaded | None:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return None
        await self.trust()
        return await withdraw(self.link, keys, ticket_id, rev, person)

    async def end(self, ticket_id: str, rev: int, state: State, ending: Ending) -> Loaded | None:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return None
        await self.trust()
        return await end(self.link, keys, self._settings, ticket_id, rev, state, ending)

    async def redeem(
        self, ticket_id: str, digest: str, check: CheckId, uses: int, window_ms: int
    ) -> RedeemResult:
        """See TicketStore."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return RedeemResult.UNKNOWN
        await self.trust()
        return await redeem(self.link, keys, self._settings, ticket_id, digest, check, uses, window_ms)

    async def expire_due(self, limit: int) -> int:
        """See TicketStore. A partition that can't be reached doesn't keep the others from being swept."""
        await self.trust()
        return await self._sweep.run(limit)

    async def page(self, state: State | None, limit: int, cursor: str) -> Page:
        """See TicketStore."""
        return await page(self.link, self._partitions, state, limit, cursor)

    async def events(self, after: str, limit: int, block_ms: int) -> Sequence[Event]:
        """See TicketStore. Raises ValueError for a position that no event has."""
        return await self._audit.events(after, limit, block_ms)

    async def last_position(self) -> str:
        """See TicketStore."""
        return await self._audit.last_position()

    async def nearly_full(self, keys: Keys) -> bool:
        """Say whether so much is used of the memory of a partition's node that the rest is kept for what waits.

        Raises StoreUnavailable.
        """
        return await self._watermark.passed(keys)

    async def trust(self) -> None:
        """Look at the server before the first write, unless `start` did. Raises StoreUnavailable."""
        if self._trusted:
            return
        try:
            await self.start()
        except SettingsInvalid as error:
            raise StoreUnavailable(f"this Redis can't be trusted with tickets: {error}") from error
