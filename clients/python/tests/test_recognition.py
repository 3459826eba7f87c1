"""What is taken for Holdgate's, and what passes untouched."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from clients.python.tests.gate_double import (
    GATE,
    STATUS_PREFIX,
    TICKET,
    URL,
    Caller,
    GateDouble,
    Time,
    identifier,
    problem,
    token,
)
from holdgate_client import AsyncHoldgateTransport, HoldgateTransport, Patience, WaitTimeout, answer
from holdgate_client.reading import held

JSON = "application/json"


@pytest.mark.parametrize("status", [200, 202, 204, 301, 403, 404, 409, 429, 500, 503])
@pytest.mark.parametrize("kind", [JSON, "application/problem+json", "text/html"])
def test_the_upstreams_own_answers_pass_untouched(status: int, kind: str, caller: Caller) -> None:
    body = json.dumps({"type": "about:blank", "id": "1", "state": "pending", "token": token()}).encode()
    caller.handler = lambda _: httpx.Response(
        status, headers={"content-type": kind, "x-own": "1", "set-cookie": "a=b"}, content=body
    )
    response = caller.send()
    assert (response.status_code, response.content, response.headers["x-own"]) == (status, body, "1")
    assert response.cookies == {"a": "b"}
    assert caller.heard == []


def alike(**changes: object) -> httpx.Response:
    """Return a hold, changed."""
    hold = GateDouble(Time()).hold()
    members = json.loads(hold.content) | {name: value for name, value in changes.items() if name != "headers"}
    headers = dict(hold.headers)
    del headers["content-length"]
    extra = changes.get("headers")
    if isinstance(extra, dict):
        headers |= extra
    return httpx.Response(202, headers=headers, content=json.dumps(members))


@pytest.mark.parametrize(
    "almost",
    [
        alike(token=token(2)),
        alike(token=None),
        alike(id=None),
        alike(state=7),
        alike(headers={TICKET: ""}),
        alike(headers={TICKET: "hg1.a"}),
        alike(headers={TICKET: f"{token()},{token()}"}),
        alike(headers={"content-type": "text/plain"}),
        alike(detail="x" * answer.LIMIT),
        httpx.Response(202, headers={TICKET: token(), "content-type": JSON}, content=b"[" * 60_000),
        httpx.Response(202, headers={TICKET: token(), "content-type": JSON}, content=b"\xff"),
        httpx.Response(202, headers={TICKET: token(), "content-type": JSON}, content=b""),
        httpx.Response(200, headers=alike().headers, content=alike().content),
        httpx.Response(500, headers=alike().headers, content=alike().content),
    ],
    ids=lambda response: str(response.status_code),
)
def test_what_is_almost_a_hold_passes_untouched(almost: httpx.Response, caller: Caller) -> None:
    caller.handler = lambda _: httpx.Response(
        almost.status_code, headers=almost.headers, content=almost.content
    )
    response = caller.send()
    assert response.content == almost.content
    assert caller.heard == []


def test_a_hold_is_one_only_with_its_ticket_in_header_and_body(caller: Caller) -> None:
    """The control of the one above: unchanged, it is waited for."""
    caller.handler, caller.patience = lambda _: alike(), Patience(total=0)
    with pytest.raises(WaitTimeout):
        caller.send()


class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that goes on and on, and counts what was read of it."""

    def __init__(self) -> None:
        self.read = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.read += 1000
            yield b" " * 1000

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def test_of_a_body_without_end_no_more_is_read_than_a_hold_may_have() -> None:
    body = Endless()
    headers = {"content-type": JSON, TICKET: token()}
    transport = HoldgateTransport(
        httpx.MockTransport(lambda _: httpx.Response(202, headers=headers, stream=body))
    )
    response = transport.handle_request(httpx.Request("DELETE", URL))
    assert body.read == 66_000
    assert isinstance(response.stream, httpx.SyncByteStream)
    chunks = iter(response.stream)
    assert (len(next(chunks)), len(next(chunks))) == (66_000, 1000)
    response.close()
    assert body.closed


def test_the_same_without_threads() -> None:
    async def go() -> None:
        body = Endless()
        headers = {"content-type": JSON, TICKET: token()}
        mock = httpx.MockTransport(lambda _: httpx.Response(202, headers=headers, stream=body))
        response = await AsyncHoldgateTransport(mock).handle_async_request(httpx.Request("DELETE", URL))
        assert body.read == 66_000
        chunks = response.aiter_raw()
        assert (len(await anext(chunks)), len(await anext(chunks))) == (66_000, 1000)
        await response.aclose()
        assert body.closed

    asyncio.run(go())


def test_of_a_status_without_end_no_more_is_read_either(caller: Caller, gate: GateDouble) -> None:
    body = Endless()
    gate.troubles_of_asks.append(httpx.Response(200, headers={"content-type": JSON}, stream=body))
    caller.handler = gate
    gate.decided_after = None
    gate.time.then = lambda: setattr(gate, "state", "approved") if len(gate.sent) == 2 else None
    assert caller.send().status_code == 200
    assert (body.read, body.closed) == (66_000, True)


class Dripping(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body of which a byte comes each second, until it breaks."""

    def __init__(self, time: Time, breaks_after: int) -> None:
        self._time = time
        self._breaks_after = breaks_after
        self.read = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        while self.read < self._breaks_after:
            self._time.now += 1
            self.read += 1
            yield b" "
        raise httpx.ReadError("reset")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def test_a_status_that_comes_byte_by_byte_is_given_up_in_time(caller: Caller, gate: GateDouble) -> None:
    """Each byte would keep a timeout of the connection's from running out."""
    body = Dripping(caller.time, 10_000)
    gate.troubles_of_asks.append(httpx.Response(200, headers={"content-type": JSON}, stream=body))
    gate.decided_after = None
    gate.time.then = lambda: setattr(gate, "state", "approved") if len(gate.sent) == 2 else None
    assert caller.send().status_code == 200
    assert 25 < body.read < 40
    assert body.closed


@pytest.mark.parametrize("headers", [{TICKET: token(), "content-type": JSON}, {"content-type": JSON}])
def test_a_body_that_breaks_is_closed(headers: dict[str, str], caller: Caller, gate: GateDouble) -> None:
    body = Dripping(caller.time, 5)
    broken = httpx.Response(202, headers=headers, stream=body)
    if TICKET in headers:
        caller.handler = lambda _: broken
        with pytest.raises(httpx.ReadError):
            caller.send()
    else:
        gate.troubles_of_asks.append(broken)
        assert caller.send().status_code == 200
    assert body.closed


def test_what_was_read_is_closed_before_the_wait_so_that_its_connection_is_free(
    caller: Caller, gate: GateDouble
) -> None:
    closed: list[bool] = []

    class Body(httpx.ByteStream):
        def close(self) -> None:
            closed.append(True)

        async def aclose(self) -> None:
            closed.append(True)

    def watched(request: httpx.Request) -> httpx.Response:
        response = gate(request)
        return httpx.Response(response.status_code, headers=response.headers, stream=Body(response.content))

    caller.handler = watched
    caller.on_hold = lambda _: closed.append(False)
    caller.send()
    assert closed == [True, False, True, True, False, True], (
        "a hold, a question, an answer with news, the upstream's"
    )


def test_a_hold_that_envoy_compressed_is_one(caller: Caller, gate: GateDouble) -> None:
    def compressed(request: httpx.Request) -> httpx.Response:
        plain = gate(request)
        headers = dict(plain.headers) | {"content-encoding": "gzip"}
        del headers["content-length"]
        return httpx.Response(plain.status_code, headers=headers, content=gzip.compress(plain.content))

    caller.handler = compressed
    assert caller.send().json() == {"deleted": True}
    assert len(caller.heard) == 2


def test_what_decompresses_to_too_much_is_none_and_stays_small() -> None:
    bomb = zlib.compress(b" " * 50_000_000, 9)
    assert len(bomb) < answer.LIMIT
    headers = {"content-type": JSON, TICKET: token(), "content-encoding": "deflate"}
    response = httpx.Response(202, headers=headers, stream=httpx.ByteStream(bomb))
    tracemalloc.start()
    try:
        assert answer.document(response, bomb) is None
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
        response.read()
        assert tracemalloc.get_traced_memory()[1] > 50_000_000, "the control: what reading it takes"
    finally:
        tracemalloc.stop()


def test_a_head_request_is_held_by_its_headers_alone(caller: Caller, gate: GateDouble) -> None:
    def bodiless(request: httpx.Request) -> httpx.Response:
        response = gate(request)
        if request.method != "HEAD":
            return response
        return httpx.Response(response.status_code, headers=response.headers)

    caller.handler = bodiless
    assert caller.send("HEAD").status_code == 200
    assert caller.heard[0].id == identifier()
    assert caller.heard[1].rule == "delete-resource", "the status says the rest"


def test_a_head_answer_whose_status_is_another_tickets_is_no_hold() -> None:
    request = httpx.Request("HEAD", URL)
    headers = {TICKET: token(1), "link": f'<{STATUS_PREFIX}{identifier(2)}>; rel="status"'}
    assert held(answer.Answer(httpx.Response(202, headers=headers)), request) is None
    headers["link"] = f'<{STATUS_PREFIX}{identifier(1)}>; rel="status"'
    assert held(answer.Answer(httpx.Response(202, headers=headers)), request) is not None


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://other.test/.holdgate/tickets/0-ticket1",
        "http://gate.test/.holdgate/tickets/0-ticket1",
        "https://gate.test:8443/.holdgate/tickets/0-ticket1",
        "//other.test/.holdgate/tickets/0-ticket1",
        "/internal/shutdown",
        "/.holdgate/tickets/../../internal/shutdown",
        "https://[",
        7,
    ],
)
def test_a_status_that_is_not_the_gates_own_is_not_asked(
    elsewhere: object, caller: Caller, gate: GateDouble
) -> None:
    asked: list[httpx.URL] = []
    gate.offers_status, gate.decided_after = False, 2
    gate.members = {"links": {"status": elsewhere}}

    def watched(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return gate(request)

    caller.handler = watched
    assert caller.send().status_code == 200
    own = {f"{GATE}{STATUS_PREFIX}{identifier()}"} if isinstance(elsewhere, int) else set()
    assert {str(url) for url in asked} == {URL} | own, (
        "the header names the gate's own where the body names none"
    )


def test_problem_details_of_the_upstreams_own_pass(caller: Caller) -> None:
    caller.handler = lambda _: httpx.Response(
        403, headers={"content-type": "application/problem+json"}, json={"type": "https://x.test/rejected"}
    )
    assert caller.send().json() == {"type": "https://x.test/rejected"}


def test_a_problem_with_a_status_that_is_no_error_is_none(caller: Caller) -> None:
    caller.handler = lambda _: problem("rejected", 200)
    assert caller.send().status_code == 200
