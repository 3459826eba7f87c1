"""What only a real store can show: its cursors, its positions, its waiting reads and its races."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.adapters.redis.store import RedisTicketStore
from authz.entrypoints.management.feed import WatchLimits
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.people import TokenMaker
from tests.support.redis_server import RedisServer
from tests.support.sample_tickets import draft

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub

    Stream = grpc.aio.UnaryStreamCall[wire.WatchRequest, wire.Event]

pytestmark = pytest.mark.redis_server

SECONDS = 20.0


async def _made(store: RedisTicketStore, *numbers: int) -> list[str]:
    return [(await store.create(draft(number))).ticket.id for number in numbers]


async def _next(stream: Stream, number: int) -> list[wire.Event]:
    async with asyncio.timeout(SECONDS):
        events = [await stream.read() for _ in range(number)]
    assert all(isinstance(event, wire.Event) for event in events)
    return [event for event in events if isinstance(event, wire.Event)]


async def test_pages_walk_through_every_ticket_once(
    stub: ApprovalsAsyncStub, store: RedisTicketStore, tokens: TokenMaker
) -> None:
    made = await _made(store, *range(7))
    seen: list[str] = []
    request = wire.ListRequest(page_size=3, states=[wire.STATE_PENDING])
    while True:
        page = await stub.List(request, metadata=tokens.metadata("bob"))
        seen += [ticket.id for ticket in page.tickets]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize("cursor", ["x", "~", "[", "0-a:b", "+inf", "(", ";", "a" * 700])
async def test_a_made_up_cursor_harms_nothing(
    stub: ApprovalsAsyncStub, store: RedisTicketStore, tokens: TokenMaker, cursor: str
) -> None:
    made = await _made(store, 0, 1)
    token = urlsafe_b64encode(json.dumps([[], cursor]).encode()).decode()
    page = await stub.List(wire.ListRequest(page_token=token), metadata=tokens.metadata("bob"))
    assert {ticket.id for ticket in page.tickets} <= set(made)


async def test_two_people_who_decide_at_once_make_one_decision(
    stub: ApprovalsAsyncStub, store: RedisTicketStore, tokens: TokenMaker
) -> None:
    """Both were shown a pending ticket. The loser's vote is not recorded, and the loser is told."""
    for number in range(10):
        [ticket_id] = await _made(store, number)
        shown = draft(number).fingerprint.payload_digest
        approve = wire.VoteRequest(id=ticket_id, decision=wire.DECISION_APPROVE, shown_digest=shown)
        reject = wire.VoteRequest(
            id=ticket_id, decision=wire.DECISION_REJECT, shown_digest=shown, comment="no"
        )
        outcomes = await asyncio.gather(
            stub.Vote(approve, metadata=tokens.metadata("bob")),
            stub.Vote(reject, metadata=tokens.metadata("carol")),
            return_exceptions=True,
        )
        [lost] = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
        assert lost.code() is grpc.StatusCode.FAILED_PRECONDITION
        loaded = await store.load(ticket_id)
        assert loaded is not None
        assert len(loaded.ticket.votes) == 1


async def test_a_watcher_misses_nothing_while_people_vote_and_streams_break(
    stub: ApprovalsAsyncStub, store: RedisTicketStore, tokens: TokenMaker
) -> None:
    """Every stream is broken after a few events and resumed after the last one seen."""
    wanted = 40
    first = stub.Watch(wire.WatchRequest(), metadata=tokens.metadata("carol"))
    after = str(dict(await first.initial_metadata())["holdgate-after"])
    first.cancel()

    async def decide() -> None:
        for number in range(wanted // 4):
            [ticket_id] = await _made(store, number)
            shown = draft(number).fingerprint.payload_digest
            vote = wire.VoteRequest(id=ticket_id, decision=wire.DECISION_APPROVE, shown_digest=shown)
            await stub.Vote(vote, metadata=tokens.metadata("bob"))

    deciding = asyncio.create_task(decide())
    expected = ["ticket.created", "vote.recorded", "ticket.approved"]
    total = wanted // 4 * len(expected)
    seen: list[tuple[str, str]] = []
    while len(seen) < total:
        stream = stub.Watch(wire.WatchRequest(after=after), metadata=tokens.metadata("carol"))
        for event in await _next(stream, min(4, total - len(seen))):
            seen.append((event.ticket_id, event.type))
            after = event.id
        stream.cancel()
    await deciding
    assert len(set(seen)) == total
    for number in range(wanted // 4):
        assert [kind for ticket_id, kind in seen if ticket_id == draft(number).id] == expected


async def test_as_many_streams_as_allowed_all_hear_of_an_event(
    stub: ApprovalsAsyncStub, store: RedisTicketStore, tokens: TokenMaker
) -> None:
    """The bound on streams is not above what the store has waiting connections for."""
    people = ["alice", "bob", "carol"]
    names = [people[number % len(people)] for number in range(WatchLimits().streams)]
    streams = [stub.Watch(wire.WatchRequest(), metadata=tokens.metadata(name)) for name in names]
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(stream.initial_metadata() for stream in streams))
    [ticket_id] = await _made(store, 0)
    heard = await asyncio.gather(*(_next(stream, 1) for stream in streams))
    assert {event.ticket_id for [event] in heard} == {ticket_id}
    for stream in streams:
        stream.cancel()


async def test_a_redis_that_goes_away_ends_a_stream_with_a_reason_to_come_back(
    stub: ApprovalsAsyncStub, redis: RedisServer, tokens: TokenMaker
) -> None:
    stream = stub.Watch(wire.WatchRequest(), metadata=tokens.metadata("bob"))
    async with asyncio.timeout(SECONDS):
        await stream.initial_metadata()
        redis.stop()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream.read()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    with pytest.raises(grpc.aio.AioRpcError) as listing:
        await stub.List(wire.ListRequest(), metadata=tokens.metadata("bob"))
    assert listing.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "127.0.0.1" not in str(listing.value.details())
