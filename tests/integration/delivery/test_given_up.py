"""From a channel that is down to a dead letter, and from there to the people who weren't told, with a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner

from authz.adapters.redis.dead_letters import RedisDeadLetters
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.entrypoints.cli.main import cli
from authz.services.backoff import Backoff
from authz.services.delivery import Delivery, DeliverySettings
from authz.services.errands import Errands
from authz.services.ports import DeliveryDelayed, Notice
from authz.services.reach import Reach
from authz.services.routes import Routes
from tests.integration.delivery.conftest import all_settled
from tests.support.people import SampleDirectory
from tests.support.sample_tickets import draft
from tests.unit.delivery.doubles import FakeChannel, Watched

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(60)]

ATTEMPTS = 3
DOWN = DeliveryDelayed("the webhook answered 503")


class Forgetful(RedisOutbox):
    """Doesn't know which channels have a notice."""

    async def receipts(self, notice: Notice) -> Mapping[str, str]:
        assert notice.entry
        return {}


@dataclass
class Scene:
    """A route to two channels, of which `ops` fails as often as a test says."""

    store: RedisTicketStore
    settings: RedisSettings
    ops: FakeChannel = field(default_factory=FakeChannel)
    hook: FakeChannel = field(default_factory=FakeChannel)
    watched: Watched = field(default_factory=Watched)

    @property
    def letters(self) -> RedisDeadLetters:
        return RedisDeadLetters(self.store, self.settings)

    @asynccontextmanager
    async def notifying(self, outbox: RedisOutbox) -> AsyncIterator[None]:
        routes = Routes({"ops": self.ops, "hook": self.hook}, {"default": ("ops", "hook")})
        reviews = RedisReviewStore(self.store, self.settings)
        errands = Errands(outbox, self.store, reviews, routes, Reach(SampleDirectory()), self.watched)
        bounds = DeliverySettings(attempts=ATTEMPTS, block_ms=50, drain_s=0.1, backoff=Backoff(0.01, 0.02))
        stop = asyncio.Event()
        running = asyncio.create_task(Delivery(outbox, errands, self.watched, bounds).run(stop))
        try:
            yield
        finally:
            stop.set()
            await running


@pytest.fixture
def scene(store: RedisTicketStore, settings: RedisSettings) -> Scene:
    return Scene(store, settings)


async def test_given_up_once_and_sent_again_to_whom_was_not_told_alone(
    scene: Scene, outbox: RedisOutbox
) -> None:
    scene.ops.answers = [DOWN] * ATTEMPTS
    created = await scene.store.create(draft())
    async with scene.notifying(outbox):
        await scene.watched.alerted.wait()
        await all_settled(scene.store)
        assert (len(scene.ops.postings), len(scene.hook.postings)) == (ATTEMPTS, 1)
        [letter] = (await scene.letters.page(10, "")).letters
        assert (letter.channels, letter.attempts) == (("ops",), ATTEMPTS)
        assert await scene.letters.replay(letter.entry) is not None
        await all_settled(scene.store)
    assert (len(scene.ops.postings), len(scene.hook.postings)) == (ATTEMPTS + 1, 1)
    assert (await scene.letters.page(10, "")).letters == []
    answers = {one.channel: one.text for one in await scene.letters.answers(created.ticket.id)}
    assert answers.keys() == {"", "ops", "hook"}
    assert answers[""] == f"ops: {DOWN}"
    assert {posting.happened_at for posting in scene.ops.postings} == {created.ticket.created_at}


async def test_the_command_works_on_redis_itself(
    scene: Scene, outbox: RedisOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the settings of the machine it runs on, and nobody's leave."""
    created = await scene.store.create(draft())
    [notice] = await outbox.take(1, 0)
    await outbox.bury(notice, "ops: 404")
    monkeypatch.setenv("HOLDGATE_REDIS_URL", scene.settings.url)
    monkeypatch.setenv("HOLDGATE_REDIS_TIMEOUT", "5s")
    monkeypatch.setenv("HOLDGATE_TICKET_KEYS", "k1:" + "a" * 64)

    async def holdgate(*words: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, cli, ("deliveries", *words, "--direct"))
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "ops: 404" in await holdgate("list")
    assert "is sent again" in await holdgate("replay", "--all", "--channel", "ops")
    assert "ops: 404" in await holdgate("show", created.ticket.id)
    [again] = await outbox.take(1, 0)
    assert (again.ticket_id, again.attempt, again.again) == (created.ticket.id, 1, True)


async def test_without_the_receipts_those_who_have_it_would_be_told_again(
    scene: Scene, settings: RedisSettings
) -> None:
    """Control of the test above."""
    scene.ops.answers = [DOWN] * ATTEMPTS
    outbox = Forgetful(settings)
    await scene.store.create(draft())
    async with scene.notifying(outbox):
        await scene.watched.alerted.wait()
        [letter] = (await scene.letters.page(10, "")).letters
        await scene.letters.replay(letter.entry)
        await all_settled(scene.store)
    await outbox.aclose()
    assert len(scene.hook.postings) > 1


async def test_a_pause_of_one_channel_tells_no_other_twice(scene: Scene, outbox: RedisOutbox) -> None:
    """Nothing was tried, so that no attempt counts; but one of them has it all the same."""
    scene.ops.answers = [DeliveryDelayed("paused", 0.0, tried=False)] * 3
    await scene.store.create(draft())
    async with scene.notifying(outbox):
        await all_settled_and_none_waits(scene)
    assert (len(scene.ops.postings), len(scene.hook.postings)) == (4, 1)
    assert scene.watched.burials == []


async def all_settled_and_none_waits(scene: Scene) -> None:
    """Wait until nothing is in the outbox and nothing waits to come back; pytest's timeout bounds it."""
    while True:
        if len(scene.watched.posts) >= 2:
            break
        await asyncio.sleep(0.02)
    await all_settled(scene.store)
