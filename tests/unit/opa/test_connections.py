"""What kept connections may never do: give one question another's answer, or hide that one has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from authz.adapters.opa.client import OpaClient
from authz.adapters.opa.connection import Broken, Connection, HttpAnswer, TooLong
from authz.domain.errors import PolicyUnavailable
from tests.unit.opa.tiny_server import Answer, Seen, json_answer, raw_answer, tiny_server

NO = b'{"result": false}'
YES = b'{"result": true}'


def whole(body: bytes, *more: bytes) -> bytes:
    """Return an answer as it goes over the wire."""
    length = b"content-length: %d" % len(body)
    return b"\r\n".join([b"HTTP/1.1 200 OK", length, *more, b"", body])


def client(server: Seen) -> OpaClient:
    return OpaClient(server.url, connections=2, max_answer_bytes=2048)


class Wire(asyncio.Transport):
    """The other end of a connection, in a test's hands."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.aborted = False
        self._connection = connection
        connection.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    async def answers(self, *packets: bytes) -> HttpAnswer:
        """Ask a question and let these packets come back."""
        asked = asyncio.ensure_future(self._connection.ask(b"?"))
        await asyncio.sleep(0)
        for packet in packets:
            self._connection.data_received(packet)
        return await asked


@pytest.fixture
async def connection() -> Connection:
    return Connection(2048)


@pytest.fixture
async def wire(connection: Connection) -> Wire:
    return Wire(connection)


async def test_an_answer_may_come_in_any_pieces(connection: Connection, wire: Wire) -> None:
    for size in (1, 7, 1000):
        data = whole(YES)
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert await wire.answers(*pieces) == HttpAnswer(200, YES, reusable=True)
        assert connection.usable


async def test_chunks_are_put_together(wire: Wire) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert (await wire.answers(head, b'5\r\n{"res\r\nb\r\nult": true}\r\n0\r\n\r\n')).body == YES


async def test_a_connection_that_will_be_closed_is_not_reusable(wire: Wire) -> None:
    assert (await wire.answers(whole(YES, b"connection: close"))).reusable is False


async def test_bytes_that_nobody_asked_for_end_the_connection(connection: Connection, wire: Wire) -> None:
    """Kept, they would be the answer to the next question."""
    assert (await wire.answers(whole(NO))).body == NO
    connection.data_received(whole(YES))
    assert wire.aborted
    assert not connection.usable
    with pytest.raises(Broken, match="closed"):
        await connection.ask(b"?")


@pytest.mark.parametrize("surplus", [whole(YES), b"HTTP/1.1 200", b"{}"])
async def test_an_answer_with_more_behind_it_is_none(wire: Wire, surplus: bytes) -> None:
    """Nobody knows whose the rest would be."""
    with pytest.raises(Broken):
        await wire.answers(whole(NO) + surplus)
    assert wire.aborted


async def test_an_answer_without_an_end_is_none(connection: Connection, wire: Wire) -> None:
    """Half a document may say the opposite of the whole one."""
    asked = asyncio.ensure_future(wire.answers(whole(YES)[:-1]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    connection.connection_lost(None)
    with pytest.raises(Broken, match="closed by OPA") as error:
        await asked
    assert error.value.untouched is False


@pytest.mark.parametrize(
    ("packets", "error"),
    [
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 2049\r\n\r\n", b"x" * 1024, b"x" * 1025], TooLong),
        ([b"HTTP/1.1 200 OK\r\n", *([b"x: " + b"y" * 1000 + b"\r\n"] * 70)], Broken),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" + whole(YES)], Broken),
        ([b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"], Broken),
    ],
)
async def test_an_answer_is_bounded_and_one(wire: Wire, packets: list[bytes], error: type[Exception]) -> None:
    """Endless headers are as bad as an endless body."""
    with pytest.raises(error):
        await wire.answers(*packets)
    assert wire.aborted


async def test_a_body_just_within_the_bound_is_taken(wire: Wire) -> None:
    """Control: the bound is what makes the difference."""
    assert len((await wire.answers(whole(b"x" * 2048))).body) == 2048


def in_turn(*answers: Answer) -> Answer:
    """Answer the first question with the first, the second with the second, and so on."""
    left = iter(answers)

    async def answer(writer: asyncio.StreamWriter) -> None:
        await next(left)(writer)

    return answer


async def test_a_kept_connection_that_opa_closes_is_replaced() -> None:
    """OPA restarts just as the question is on its way; that question must not pay for it."""
    async with (
        tiny_server(in_turn(json_answer(YES), raw_answer(b""), json_answer(NO))) as server,
        client(server) as opa,
    ):
        assert (await opa.query("x", {}, 5)).result is True
        assert (await opa.query("x", {}, 5)).result is False
        assert (len(server.requests), server.connections) == (3, 2)


async def test_a_kept_connection_that_ends_within_an_answer_is_an_outage() -> None:
    """OPA had begun to judge; what it would have said is unknown."""
    async with (
        tiny_server(in_turn(json_answer(YES), raw_answer(whole(NO)[:-1]), json_answer(YES))) as server,
        client(server) as opa,
    ):
        await opa.query("x", {}, 5)
        with pytest.raises(PolicyUnavailable, match="closed by OPA"):
            await opa.query("x", {}, 5)
        assert len(server.requests) == 2


async def test_a_new_connection_that_ends_is_an_outage_at_once() -> None:
    """A question is asked twice at most."""
    async with tiny_server(raw_answer(b"")) as server, client(server) as opa:
        with pytest.raises(PolicyUnavailable, match="closed by OPA"):
            await opa.query("x", {}, 5)
        assert len(server.requests) == 1


async def test_closing_the_client_ends_what_is_under_way() -> None:
    never = asyncio.Event()

    async def silent(_: asyncio.StreamWriter) -> None:
        await never.wait()

    async with tiny_server(silent) as server:
        async with client(server) as opa:
            asked = asyncio.ensure_future(opa.query("x", {}, 5))
            await server.until(lambda seen: len(seen.requests) == 1)
        with pytest.raises(PolicyUnavailable):
            await asked


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_either_event_loop_will_do(run: Callable[..., int]) -> None:
    """The transports of uvloop are no subclasses of asyncio's."""

    async def ask() -> int:
        async with tiny_server(json_answer(YES)) as server, client(server) as opa:
            for _ in range(3):
                assert (await opa.query("x", {}, 5)).result is True
            return server.connections

    assert run(ask()) == 1
