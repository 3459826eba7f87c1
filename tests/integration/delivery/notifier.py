"""One notifier as bootstrap would wire it: Redis, one Workflows webhook, delivery and expiry.

As a program it is a process to be killed: it says on standard output where it is, and stalls there if told to.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from authz.adapters.http_post.client import webhook_client
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.adapters.teams.workflows import WorkflowsChannel, WorkflowsSettings
from authz.domain.events import EventType
from authz.domain.follow_up import FollowUp
from authz.services.backoff import Backoff
from authz.services.delivery import Delivery, DeliverySettings
from authz.services.errands import Errands
from authz.services.expiry import Expiry, ExpirySettings
from authz.services.ports import Alarm, Channel, Notice, Posting
from authz.services.reach import Reach
from authz.services.routes import Routes
from tests.support.people import SampleDirectory
from tests.unit.delivery.doubles import Watched


@dataclass(frozen=True)
class Plan:
    """How a notifier is wired. `stall` is where its channel stops for ever: `before` or `after` the post.

    `broken` removes a guard: `careless` acknowledges what it takes at once, `forgetful` never, and `amnesiac` doesn't
    know which follow-ups it has scheduled before, and who was told of them.
    """

    redis_url: str
    webhook: str
    consumer: str
    lease_ms: int
    attempts: int = 5
    answer_s: float = 20.0
    per_second: int = 50
    stall: str = ""
    broken: str = ""


class WatchedExpiry(Watched):
    """An observer of delivery and of expiry."""

    def expired(self, count: int) -> None:
        assert count > 0

    def expiry_failed(self, error: Exception) -> None:
        self.store_failed("ending tickets", error)


class StallingChannel:
    """Says where it is, and stops there when it is the place."""

    def __init__(self, channel: Channel, stall: str) -> None:
        self._channel = channel
        self._stall = stall

    @property
    def events(self) -> frozenset[EventType]:
        return self._channel.events

    async def send(self, posting: Posting) -> str:
        await self._reach("before")
        receipt = await self._channel.send(posting)
        await self._reach("after")
        return receipt

    async def alarm(self, alarm: Alarm) -> str:
        return await self._channel.alarm(alarm)

    async def _reach(self, place: str) -> None:
        if place == self._stall:
            say(place)
            await asyncio.Event().wait()


class CarelessOutbox(RedisOutbox):
    """Acknowledges on taking: at most once instead of at least once."""

    async def take(self, limit: int, block_ms: int) -> Sequence[Notice]:
        notices = await super().take(limit, block_ms)
        for notice in notices:
            await super().delivered(notice, {})
        return notices


class ForgetfulOutbox(RedisOutbox):
    """Acknowledges nothing."""

    async def delivered(self, notice: Notice, receipt: Mapping[str, str]) -> None:
        assert notice.entry
        assert receipt


class AmnesiacOutbox(RedisOutbox):
    """Knows of what was scheduled only while it waits, and not who was told of it."""

    async def schedule(self, notice: Notice, due: Sequence[FollowUp]) -> None:
        keys, _ = self._place(notice.entry)
        name = keys.deliveries(notice.ticket_id)
        await self._link.command("DEL", name, key=name)
        await super().schedule(notice, due)

    async def receipts(self, notice: Notice) -> Mapping[str, str]:
        assert notice.entry
        return {}


OUTBOXES = {
    "": RedisOutbox,
    "careless": CarelessOutbox,
    "forgetful": ForgetfulOutbox,
    "amnesiac": AmnesiacOutbox,
}


@asynccontextmanager
async def running(plan: Plan) -> AsyncIterator[Watched]:
    """Run a notifier in this event loop."""
    settings = RedisSettings(plan.redis_url, timeout_ms=3000, lease_ms=plan.lease_ms, consumer=plan.consumer)
    store = RedisTicketStore(settings)
    outbox = OUTBOXES[plan.broken](settings)
    watched = WatchedExpiry()
    stop = asyncio.Event()
    async with webhook_client(plan.answer_s, trust_env=False) as client:
        webhook = WorkflowsSettings(
            "https://holdgate.example", per_second=plan.per_second, timeout_s=plan.answer_s
        )
        channel = StallingChannel(WorkflowsChannel(client, plan.webhook, webhook), plan.stall)
        bounds = DeliverySettings(
            attempts=plan.attempts,
            lease_s=plan.lease_ms / 1000,
            block_ms=200,
            drain_s=0.1,
            backoff=Backoff(0.05, 0.2),
        )
        routes = Routes({"teams": channel}, {"default": ("teams",)})
        reviews = RedisReviewStore(store, settings)
        errands = Errands(outbox, store, reviews, routes, Reach(SampleDirectory()), watched)
        delivery = Delivery(outbox, errands, watched, bounds)
        expiry = Expiry(store, watched, ExpirySettings())
        tasks = [asyncio.create_task(delivery.run(stop)), asyncio.create_task(expiry.run(stop))]
        try:
            yield watched
        finally:
            stop.set()
            await asyncio.gather(*tasks)
            await store.aclose()
            await outbox.aclose()


@asynccontextmanager
async def process(plan: Plan) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a notifier in a process of its own, ready when this gives it; killed afterwards if it still runs."""
    command = (sys.executable, "-m", "tests.integration.delivery.notifier", json.dumps(asdict(plan)))
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert await heard(child) == "ready"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def heard(child: asyncio.subprocess.Process) -> str:
    """Return the next line that a notifier says."""
    assert child.stdout is not None
    return (await child.stdout.readline()).decode().strip()


def say(word: str) -> None:
    """Write a line for the test that started this process."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def _main() -> None:
    async with running(Plan(**json.loads(sys.argv[1]))):
        say("ready")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
