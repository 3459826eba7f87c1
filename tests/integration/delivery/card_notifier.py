"""One notifier of a chat whose cards are changed in place, as a process to be killed. The chat itself is in Redis.

It says on standard output where it is, and stalls there if told to.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import cast

from authz.adapters.redis.card_book import RedisCardBook
from authz.adapters.redis.link import Link
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.adapters.redis.storm_book import RedisStormBook
from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.services.backoff import Backoff
from authz.services.card_ports import Card, CardGone
from authz.services.delivery import Delivery, DeliverySettings
from authz.services.digest import Digest
from authz.services.errands import Errands
from authz.services.living_cards import LivingCards
from authz.services.ports import Alarm, Channel, Notice, Posting
from authz.services.reach import Reach
from authz.services.routes import Routes
from authz.services.storm import Storm, StormSettings
from tests.integration.delivery.notifier import heard, say
from tests.support.people import SampleDirectory
from tests.unit.delivery.doubles import Watched

CARDS, LAST, BELOW = "chat:cards", "chat:last", "chat:below"


@dataclass(frozen=True)
class Plan:
    """`stall` is where it stops for ever.

    That is `posting`, `posted` (and not noted), `noted` (and not acknowledged), `changing` or `digesting`. More than
    `storm` tickets become a digest, unless that is 0. `broken` removes a guard: `careless` acknowledges at once what it
    takes, `bookless` remembers no card.
    """

    redis_url: str
    consumer: str
    lease_ms: int
    stall: str = ""
    broken: str = ""
    storm: int = 0


class Chat:
    """Cards with what each says now. Whoever looks from outside reads `shown`."""

    events = frozenset(EventType)

    def __init__(self, link: Link, stall: str = "") -> None:
        self._link = link
        self._stall = stall

    async def shown(self) -> Mapping[str, str]:
        """Return what each card says, by its id."""
        flat = cast("list[bytes]", await self._link.command("HGETALL", CARDS))
        return {name.decode(): text.decode() for name, text in zip(flat[::2], flat[1::2], strict=True)}

    async def places(self, posting: Posting) -> Sequence[str]:
        assert posting.rev
        return ["room"]

    async def post(self, place: str, posting: Posting) -> str:
        assert place == "room"
        await self._reach("posting")
        number = cast("int", await self._link.command("INCR", LAST))
        reference = f"card-{number}"
        await self._show(reference, posting)
        await self._reach("posted")
        return reference

    async def update(self, card: Card, posting: Posting) -> None:
        await self._reach("changing")
        if not await self._link.command("HEXISTS", CARDS, card.reference):
            raise CardGone("deleted")
        await self._show(card.reference, posting)

    async def follow_up(self, card: Card, posting: Posting) -> None:
        await self._link.command("RPUSH", BELOW, f"{card.reference} {posting.type.value}")

    async def tell(self, person: Person, posting: Posting) -> str:
        return f"{person.id} {posting.rev}"

    async def alarm(self, alarm: Alarm) -> str:
        return f"alarm {alarm.rev}"

    async def digest(self, digest: Digest, reference: str) -> str:
        await self._reach("digesting")
        name = reference or f"digest-{cast('int', await self._link.command('INCR', LAST))}"
        await self._link.command("HSET", CARDS, name, str(digest.waiting))
        return name

    async def _show(self, reference: str, posting: Posting) -> None:
        await self._link.command("HSET", CARDS, reference, posting.ticket.state_at(posting.now).value)

    async def _reach(self, place: str) -> None:
        if place == self._stall:
            say(place)
            await asyncio.Event().wait()


class StallingCards(LivingCards):
    """Stops when everything is done but the acknowledgement."""

    stall = ""

    async def send(self, posting: Posting) -> str:
        receipt = await super().send(posting)
        if self.stall == "noted":
            say("noted")
            await asyncio.Event().wait()
        return receipt


class CarelessOutbox(RedisOutbox):
    """Acknowledges on taking: at most once instead of at least once."""

    async def take(self, limit: int, block_ms: int) -> Sequence[Notice]:
        notices = await super().take(limit, block_ms)
        for notice in notices:
            await super().delivered(notice, {})
        return notices


class BooklessBook(RedisCardBook):
    """Remembers no card."""

    async def keep(self, ticket_id: str, channel: str, card: Card) -> None:
        assert ticket_id
        assert channel
        assert card.place


class Unheard:
    """An observer that keeps nothing."""

    def digested(self, channel: str) -> None:
        assert channel == "chat"

    def digest_told(self, channel: str, waiting: int) -> None:
        assert channel == "chat"
        assert waiting >= 0


@asynccontextmanager
async def running(plan: Plan) -> AsyncIterator[Watched]:
    """Run a notifier in this event loop."""
    settings = RedisSettings(plan.redis_url, timeout_ms=3000, lease_ms=plan.lease_ms, consumer=plan.consumer)
    store, link = RedisTicketStore(settings), Link(plan.redis_url, 4, 3000)
    outbox = (CarelessOutbox if plan.broken == "careless" else RedisOutbox)(settings)
    book = (BooklessBook if plan.broken == "bookless" else RedisCardBook)(store, settings)
    cards = StallingCards("chat", Chat(link, plan.stall), book, store)
    cards.stall = plan.stall
    watched = Watched()
    bounds = DeliverySettings(
        attempts=5, lease_s=plan.lease_ms / 1000, block_ms=200, drain_s=0.1, backoff=Backoff(0.05, 0.2)
    )
    reviews = RedisReviewStore(store, settings)
    channel: Channel = cards
    if plan.storm:
        terms = StormSettings(plan.storm, update_ms=50, claim_ms=plan.lease_ms)
        books = RedisStormBook(store, settings)
        channel = Storm("chat", cards, cards.digest, books, Unheard(), in_place=True, settings=terms)
    routes = Routes({"chat": channel}, {"default": ("chat",)})
    errands = Errands(outbox, store, reviews, routes, Reach(SampleDirectory()), watched)
    stop = asyncio.Event()
    task = asyncio.create_task(Delivery(outbox, errands, watched, bounds).run(stop))
    try:
        yield watched
    finally:
        stop.set()
        await task
        for opened in (store, outbox, link):
            await opened.aclose()


@asynccontextmanager
async def process(plan: Plan) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a notifier in a process of its own, ready when this gives it; killed afterwards if it still runs."""
    command = (sys.executable, "-m", "tests.integration.delivery.card_notifier", json.dumps(asdict(plan)))
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert await heard(child) == "ready"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _main() -> None:
    async with running(Plan(**json.loads(sys.argv[1]))):
        say("ready")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
