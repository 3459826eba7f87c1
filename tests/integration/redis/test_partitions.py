"""Tickets of several partitions, seen as if there were one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from authz.adapters.redis.keys import every_partition
from authz.adapters.redis.link import Argument, Link, Reply
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.settings import PARTITIONS_MAX, RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import SettingsInvalid, StoreUnavailable, TooManyTickets
from authz.domain.events import Event
from authz.domain.ticket import State, Ticket
from authz.services.ports import RedeemResult
from tests.integration.redis.conftest import advance
from tests.integration.redis.drafts import BODY, MINUTE, NEVER, check, draft, vote

PARTITIONS = 3


@pytest.fixture
def settings(settings: RedisSettings) -> RedisSettings:
    return replace(settings, partitions=PARTITIONS)


@pytest.fixture
async def many(store: RedisTicketStore) -> list[Ticket]:
    """Nine tickets, three in each partition, the oldest first."""
    made = []
    for number in range(9):
        wanted = draft(f"/{number}", partition=number % PARTITIONS)
        made.append((await store.create(wanted, BODY)).ticket)
    return made


def scatter(store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it as on a cluster, where a command that names keys of two partitions is refused."""
    whole = store.waiting.command

    async def command(*args: Argument, key: str = "", wait_ms: int = 0) -> Reply:
        named = {str(word).partition("}")[0] for word in args if str(word).startswith("{holdgate:")}
        assert len(named) == 1
        return await whole(*args, key=key, wait_ms=wait_ms)

    monkeypatch.setattr(Link, "scattered", True)
    monkeypatch.setattr(store.waiting, "command", command)


async def test_a_ticket_lives_in_the_partition_that_its_id_names(
    store: RedisTicketStore, link: Link, many: list[Ticket]
) -> None:
    for number, ticket in enumerate(many):
        keys = every_partition(PARTITIONS)[number % PARTITIONS]
        assert await link.command("EXISTS", keys.ticket(ticket.id), keys.body(ticket.id)) == 2
        assert await store.body(ticket.id) == BODY
    ticket = many[1]
    assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    digest = ticket.draft.fingerprint.digest
    assert await store.redeem(ticket.id, digest, check(1), 1, NEVER) is RedeemResult.REDEEMED


async def test_an_id_of_a_partition_that_is_not_there_is_no_ticket(store: RedisTicketStore) -> None:
    assert await store.load(draft(partition=PARTITIONS).id) is None
    with pytest.raises(ValueError, match="not an id"):
        await store.create(draft(partition=PARTITIONS))


@pytest.mark.parametrize("size", [1, 2, 4, 9, 50])
async def test_pages_run_through_all_partitions_from_the_newest_on(
    store: RedisTicketStore, many: list[Ticket], size: int
) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = await store.page(None, size, cursor)
        assert len(page.tickets) <= size
        seen += [ticket.id for ticket in page.tickets]
        cursor = page.cursor
        if not cursor:
            break
        await store.create(draft(f"/new/{len(seen)}", partition=len(seen) % PARTITIONS))
    newest_first = sorted(many, key=lambda ticket: (ticket.created_at, ticket.id), reverse=True)
    assert seen == [ticket.id for ticket in newest_first]


async def test_a_page_of_nothing_still_tells_the_time(store: RedisTicketStore) -> None:
    page = await store.page(State.REJECTED, 5, "")
    assert (page.tickets, page.cursor) == ([], "")
    assert page.now > 0


async def read_on(store: RedisTicketStore, after: str, limit: int) -> list[Event]:
    found: list[Event] = []
    while events := await store.events(found[-1].position if found else after, limit, 0):
        assert len(events) <= limit
        found += events
    return found


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
@pytest.mark.usefixtures("many")
async def test_a_reader_who_goes_on_after_any_event_misses_none_and_sees_none_twice(
    store: RedisTicketStore, limit: int
) -> None:
    whole = await read_on(store, "0", limit)
    assert len({event.ticket_id for event in whole}) == len(whole) == 9
    for number, event in enumerate(whole):
        rest = await read_on(store, event.position, limit)
        assert {one.ticket_id for one in rest} == {one.ticket_id for one in whole[number + 1 :]}
    assert whole[-1].position == await store.last_position()


@pytest.mark.usefixtures("many")
async def test_a_position_that_forgot_a_partition_would_repeat_events(store: RedisTicketStore) -> None:
    """The control of the test before."""
    whole = await read_on(store, "0", 100)
    places = whole[-1].position.split(".")
    assert len(await read_on(store, ".".join([places[0], places[1], "0"]), 100)) == 3


@pytest.mark.parametrize("position", ["1-1", "1-1.1-1", "1-1.1-1.1-1.1-1", "0.0.x", "0..0", "$", ""])
async def test_a_position_of_other_partitions_is_a_mistake_of_the_caller(
    store: RedisTicketStore, position: str
) -> None:
    with pytest.raises(ValueError, match="not the position"):
        await store.events(position, 10, 0)


@pytest.mark.parametrize("partition", range(PARTITIONS))
@pytest.mark.parametrize("where", ["on one node", "on several nodes"])
async def test_a_watcher_is_woken_by_any_partition(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch, partition: int, where: str
) -> None:
    if where == "on several nodes":
        scatter(store, monkeypatch)
    position = await store.last_position()
    waiting = asyncio.create_task(store.events(position, 10, 5_000))
    await asyncio.sleep(0)
    created = await store.create(draft(partition=partition))
    async with asyncio.timeout(4):
        [event] = await waiting
    assert event.ticket_id == created.ticket.id
    assert await store.events(event.position, 10, 30) == []


async def test_a_sweep_reaches_every_partition_within_its_limit(
    store: RedisTicketStore, link: Link, many: list[Ticket]
) -> None:
    for keys in every_partition(PARTITIONS):
        await advance(link, 31 * MINUTE, keys)
    swept = []
    while ended := await store.expire_due(4):
        swept.append(ended)
    assert swept == [4, 4, 1]
    states = [loaded.ticket.state for one in many if (loaded := await store.load(one.id))]
    assert states == [State.EXPIRED] * 9


async def test_a_partition_that_cannot_be_swept_keeps_no_other_from_it(
    store: RedisTicketStore, link: Link, many: list[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = every_partition(PARTITIONS)[1]
    for keys in every_partition(PARTITIONS):
        await advance(link, 31 * MINUTE, keys)
    whole = store.link.run

    async def run(script: object, keys: list[str], args: list[Argument]) -> Reply:
        if keys[0] == broken.clock:
            msg = "the node of this partition is away"
            raise StoreUnavailable(msg)
        return await whole(script, keys, args)  # type: ignore[arg-type]

    monkeypatch.setattr(store.link, "run", run)
    for _ in range(PARTITIONS):
        with pytest.raises(StoreUnavailable, match="is away"):
            await store.expire_due(9)
    monkeypatch.undo()
    states = [loaded.ticket.state for one in many if (loaded := await store.load(one.id))]
    assert states == [State.EXPIRED, State.PENDING, State.EXPIRED] * 3


async def test_notices_of_all_partitions_are_taken_within_the_limit_and_settled(
    outbox: RedisOutbox, link: Link, many: list[Ticket]
) -> None:
    rounds = [await outbox.take(4, 0) for _ in range(3)]
    assert [len(notices) for notices in rounds] == [4, 4, 1]
    notices = [notice for taken in rounds for notice in taken]
    assert len({notice.entry for notice in notices}) == 9
    assert {notice.ticket_id for notice in notices} == {ticket.id for ticket in many}
    await outbox.renew([notice.entry for notice in notices])
    await outbox.accepted(notices[0], "teams", "m-1")
    assert await outbox.receipts(notices[0]) == {"teams": "m-1"}
    await outbox.retry(notices[0], 0, "later")
    await outbox.bury(notices[1], "never")
    for notice in notices[2:]:
        await outbox.delivered(notice, {})
    [again] = await outbox.take(9, 0)
    assert (again.ticket_id, again.attempt) == (notices[0].ticket_id, 2)
    await outbox.delivered(again, {})
    lengths = [await link.command("XLEN", keys.outbox) for keys in every_partition(PARTITIONS)]
    assert lengths == [0, 0, 0]


@pytest.mark.parametrize("partition", range(PARTITIONS))
async def test_a_waiting_take_is_woken_by_any_partition(
    store: RedisTicketStore, outbox: RedisOutbox, partition: int
) -> None:
    assert await outbox.take(5, 0) == []
    waiting = asyncio.create_task(outbox.take(5, 5_000))
    await asyncio.sleep(0)
    ticket = (await store.create(draft(partition=partition))).ticket
    async with asyncio.timeout(4):
        [notice] = await waiting
    assert notice.ticket_id == ticket.id


async def test_a_cap_in_all_is_shared_out_and_one_for_a_requester_is_not(settings: RedisSettings) -> None:
    store = RedisTicketStore(replace(settings, max_open_total=7, max_open_per_requester=3))
    for number in range(2):
        await store.create(draft(f"/{number}", who=f"w{number}", partition=1))
    with pytest.raises(TooManyTickets) as refused:
        await store.create(draft("/2", who="w2", partition=1))
    assert (refused.value.scope, refused.value.limit) == ("total", 2)
    await store.create(draft("/3", who="w3", partition=2))
    await store.aclose()


def test_every_partition_has_a_share_of_at_least_one(settings: RedisSettings) -> None:
    share = replace(
        settings, max_open_total=1, tickets_per_minute=1, max_open_per_rule=128, partitions=64
    ).share
    assert (share.max_open_total, share.tickets_per_minute, share.max_open_per_rule) == (1, 1, 2)
    assert share.max_open_per_requester == settings.max_open_per_requester


@pytest.mark.parametrize("number", [0, -1, PARTITIONS_MAX + 1])
def test_a_number_of_partitions_out_of_bounds_is_refused(settings: RedisSettings, number: int) -> None:
    with pytest.raises(ValueError, match="must be 1 to 64"):
        replace(settings, partitions=number)


async def test_another_number_than_stored_is_refused(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    await store.start()
    other = RedisTicketStore(replace(settings, partitions=PARTITIONS + 1))
    with pytest.raises(SettingsInvalid, match="HOLDGATE_REDIS_PARTITIONS=3"):
        await other.start()
    await other.aclose()
