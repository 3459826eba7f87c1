from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.domain.ticket import State
from authz.entrypoints.management.boundary import Boundary
from authz.entrypoints.management.feed import WatchLimits
from authz.entrypoints.management.refusal import CallRefused
from authz.entrypoints.management.server import ManagementServer
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.people import TokenMaker
from tests.support.sample_tickets import REQUEST, draft, vote
from tests.support.waiting_store import WaitingStore
from tests.unit.management.errors import failure

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub

    Stream = grpc.aio.UnaryStreamCall[wire.WatchRequest, wire.Event]

WRITE = Boundary._write


@pytest.fixture
def limits() -> WatchLimits:
    return WatchLimits(streams=3, streams_per_person=2, batch=2)


async def _take(stream: Stream, number: int) -> list[tuple[str, str]]:
    async with asyncio.timeout(5):
        events = [await stream.read() for _ in range(number)]
    return [(event.type, event.ticket_id) for event in events if isinstance(event, wire.Event)]


async def _open(
    stub: ApprovalsAsyncStub,
    tokens: TokenMaker,
    name: str = "bob",
    *,
    after: str = "",
    ticket_ids: Sequence[str] = (),
) -> Stream:
    """Return a stream that stands: its initial metadata have come."""
    request = wire.WatchRequest(after=after, ticket_ids=ticket_ids)
    stream = stub.Watch(request, metadata=tokens.metadata(name))
    async with asyncio.timeout(5):
        await stream.initial_metadata()
    return stream


async def _end(stream: Stream) -> grpc.aio.AioRpcError:
    async with asyncio.timeout(5):
        try:
            async for _ in stream:
                pass
        except grpc.aio.AioRpcError as error:
            return error
    raise AssertionError("the stream ended without an error")


async def test_a_watcher_is_told_what_happens_from_now_on(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    await store.create(draft(0))
    stream = await _open(stub, tokens)
    new = (await store.create(draft(1))).ticket
    await store.vote(new.id, 1, [vote()], State.APPROVED, {})
    assert await _take(stream, 3) == [
        ("ticket.created", new.id),
        ("vote.recorded", new.id),
        ("ticket.approved", new.id),
    ]
    stream.cancel()


async def test_what_happens_between_opening_and_reading_is_not_missed(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    """The position is taken once: a second look for "the newest" would skip what came in between."""
    await store.create(draft(0))
    stream = await _open(stub, tokens)
    metadata = dict(await stream.initial_metadata())
    assert metadata["holdgate-after"] == "1"
    made = [(await store.create(draft(number))).ticket.id for number in range(1, 6)]
    assert [ticket_id for _, ticket_id in await _take(stream, 5)] == made
    stream.cancel()


async def test_a_broken_stream_is_resumed_where_it_stopped(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    made = [(await store.create(draft(number))).ticket.id for number in range(7)]
    stream = await _open(stub, tokens, after="0")
    seen: list[str] = []
    last = ""
    for _ in range(3):
        event = await stream.read()
        assert isinstance(event, wire.Event)
        seen.append(event.ticket_id)
        last = event.id
    stream.cancel()
    seen += [ticket_id for _, ticket_id in await _take(await _open(stub, tokens, after=last), 4)]
    assert seen == made


async def test_only_the_watched_tickets_are_told_of(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    made = [(await store.create(draft(number))).ticket.id for number in range(5)]
    stream = await _open(stub, tokens, after="0", ticket_ids=[made[1], made[3]])
    assert [ticket_id for _, ticket_id in await _take(stream, 2)] == [made[1], made[3]]
    stream.cancel()


async def test_an_event_brings_its_ticket_as_it_is_now_if_it_is_kept(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    kept = (await store.create(draft(0))).ticket
    gone = (await store.create(draft(1))).ticket
    await store.vote(kept.id, 1, [vote()], State.APPROVED, {})
    del store.tickets[gone.id]
    stream = await _open(stub, tokens, after="0")
    first, second = await stream.read(), await stream.read()
    assert isinstance(first, wire.Event)
    assert isinstance(second, wire.Event)
    assert (first.type, first.ticket.state) == ("ticket.created", wire.STATE_APPROVED)
    assert (second.ticket_id, second.HasField("ticket")) == (gone.id, False)
    stream.cancel()


async def test_a_watcher_waits_for_the_store_and_never_polls(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    stream = await _open(stub, tokens)
    async with asyncio.timeout(5):
        await store.readers(1)
    assert store.reads == 1
    await store.create(draft(0))
    assert len(await _take(stream, 1)) == 1
    async with asyncio.timeout(5):
        await store.readers(1)
    assert store.reads == 2
    stream.cancel()


async def test_a_cancelled_stream_stops_reading_at_once(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    stream = await _open(stub, tokens)
    async with asyncio.timeout(2):
        await store.readers(1)
        stream.cancel()
        await store.readers(0)


async def test_streams_are_bounded_by_person_and_in_all(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    mine = [await _open(stub, tokens, "bob") for _ in range(2)]
    third = failure(await _end(stub.Watch(wire.WatchRequest(), metadata=tokens.metadata("bob"))))
    assert (third.status, third.reason) == ("RESOURCE_EXHAUSTED", "too-many-streams")
    assert third.message.startswith("You are watching 2 streams")
    await _open(stub, tokens, "carol")
    fourth = failure(await _end(stub.Watch(wire.WatchRequest(), metadata=tokens.metadata("dave"))))
    assert fourth.message.startswith("3 streams are being watched")
    async with asyncio.timeout(5):
        await store.readers(3)
        mine[0].cancel()
        await store.readers(2)
    stream = await _open(stub, tokens, "dave")  # the seat came back
    stream.cancel()


async def test_a_shutdown_ends_streams_at_once_and_says_to_resume(
    stub: ApprovalsAsyncStub, server: ManagementServer, store: WaitingStore, tokens: TokenMaker
) -> None:
    stream = await _open(stub, tokens)
    async with asyncio.timeout(5):
        await store.readers(1)
        ended, _ = await asyncio.gather(_end(stream), server.stop(4))
    said = failure(ended)
    assert (said.status, said.reason, said.retry) == ("UNAVAILABLE", "shutting-down", True)
    assert store.reading == 0


class TestWithShortLives:
    @pytest.fixture
    def limits(self) -> WatchLimits:
        return WatchLimits(lifetime=0.3, block_ms=100_000)

    async def test_a_stream_ends_in_time_and_says_to_resume(
        self, stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
    ) -> None:
        """Whoever watches proves again who they are, however quiet it is."""
        said = failure(await _end(await _open(stub, tokens)))
        assert (said.status, said.reason, said.retry) == ("UNAVAILABLE", "stream-ended", True)
        assert store.reading == 0


class TestWithAnImpatientServer:
    @pytest.fixture
    def limits(self) -> WatchLimits:
        return WatchLimits(write_timeout=0.2)

    async def test_a_reader_that_stopped_reading_loses_its_stream(
        self,
        stub: ApprovalsAsyncStub,
        store: WaitingStore,
        tokens: TokenMaker,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The windows of HTTP/2 fill up, and then nothing of ours does."""
        given_up = asyncio.Event()

        async def write(self: Boundary, context: object, message: object) -> None:
            try:
                await WRITE(self, context, message)  # type: ignore[arg-type]  # passed on as they came
            except CallRefused:
                given_up.set()
                raise

        monkeypatch.setattr(Boundary, "_write", write)
        long = replace(REQUEST, path="/" + "p" * 1000, query="q" * 1000)
        ticket = (await store.create(draft(request=long))).ticket
        store.log += [replace(store.log[0], position=str(number)) for number in range(2, 3000)]
        stream = stub.Watch(wire.WatchRequest(after="0"), metadata=tokens.metadata("bob"))
        async for event in stream:
            assert event.ticket_id == ticket.id
            break
        async with asyncio.timeout(20):
            await given_up.wait()
        said = failure(await _end(stream))
        assert (said.status, said.reason) == ("RESOURCE_EXHAUSTED", "slow-reader")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (wire.WatchRequest(after="$"), "after"),
        (wire.WatchRequest(after="-1"), "after"),
        (wire.WatchRequest(after="1-2-3"), "after"),
        (wire.WatchRequest(after="9" * 30), "after"),
        (wire.WatchRequest(ticket_ids=["all"]), "ticket_ids"),
        (wire.WatchRequest(ticket_ids=[draft(number).id for number in range(101)]), "ticket_ids"),
    ],
    ids=lambda value: str(value)[:40].strip(),
)
async def test_a_watch_that_makes_no_sense_is_refused_by_field(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, request_: wire.WatchRequest, field: str
) -> None:
    said = failure(await _end(stub.Watch(request_, metadata=tokens.metadata("bob"))))
    assert (said.status, said.reason) == ("INVALID_ARGUMENT", "invalid-argument")
    assert said.message.startswith(f"{field} ")
    assert store.reads == 0
