"""The client for Python against the whole gate."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from authz.domain.ticket import Choice
from holdgate_client import (
    AsyncHoldgateTransport,
    Cancelled,
    Changed,
    Hold,
    HoldgateTransport,
    LostAnswer,
    NotReplayable,
    Patience,
    Rejected,
    TicketNotSeen,
    UsedUp,
    WaitTimeout,
)
from tests.e2e.client.conftest import address, signed
from tests.support.gate import TICKET, Gate, signed_in
from tests.support.gate_backing import fresh
from tests.support.waiting import until

PATIENCE = Patience(total=30, ask=2)


def client(
    gate: Gate,
    plain: httpx.BaseTransport,
    on_hold: Callable[[Hold], object] | None = None,
    patience: Patience = PATIENCE,
    resend_lost: frozenset[str] = frozenset(),
) -> httpx.Client:
    transport = HoldgateTransport(plain, patience=patience, on_hold=on_hold, resend_lost=resend_lost)
    return httpx.Client(transport=transport, base_url=address(gate), headers=signed(gate))


def voting(gate: Gate, choice: Choice = Choice.APPROVE) -> Callable[[Hold], None]:
    """Return what lets bob decide whatever waits."""

    def vote(hold: Hold) -> None:
        if hold.state == "pending":
            gate.vote(hold.id, choice=choice)

    return vote


def test_a_held_request_is_approved_and_goes_through_once(gate: Gate, plain: httpx.HTTPTransport) -> None:
    path, body = fresh("hold"), b'{"replicas": 3}'
    with client(gate, plain, voting(gate)) as waiting:
        response = waiting.post(path, content=body, headers={"content-type": "application/json"})
    assert response.status_code == 200
    (forwarded,) = gate.received(path)
    assert forwarded.body == body
    assert not forwarded.values(TICKET)
    assert not forwarded.values("prefer")


def test_a_vote_of_somebody_else_meanwhile_releases_it(gate: Gate, plain: httpx.HTTPTransport) -> None:
    path = fresh("hold")
    heard: list[Hold] = []
    with client(gate, plain, heard.append) as waiting, ThreadPoolExecutor() as pool:
        answer = pool.submit(waiting.delete, path)
        until("the request is held", lambda: bool(heard))
        assert (heard[0].rule, heard[0].awaiting) == ("hold", ("sre",))
        gate.vote(heard[0].id)
        assert answer.result(timeout=30).status_code == 200
    assert [hold.state for hold in heard] == ["pending", "approved"]
    assert gate.hits(path) == 1


class Watching(httpx.BaseTransport):
    """Counts the questions after tickets."""

    def __init__(self, plain: httpx.HTTPTransport) -> None:
        self._plain = plain
        self.questions = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.questions += request.url.path.startswith("/.holdgate/tickets/")
        return self._plain.handle_request(request)


def test_one_question_is_kept_open_until_the_vote(gate: Gate, plain: httpx.HTTPTransport) -> None:
    path, heard, watching = fresh("hold"), list[Hold](), Watching(plain)
    patience = Patience(total=30, ask=20)
    with client(gate, watching, heard.append, patience) as waiting, ThreadPoolExecutor() as pool:
        answer = pool.submit(waiting.delete, path)
        until("the question is asked", lambda: watching.questions == 1)
        gate.vote(heard[0].id)
        assert answer.result(timeout=30).status_code == 200
    assert watching.questions == 1


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_the_same_without_threads(http2: bool, gate: Gate) -> None:
    path = fresh("hold")

    async def approve(hold: Hold) -> None:
        if hold.state == "pending":
            await asyncio.to_thread(gate.vote, hold.id)

    async def go() -> httpx.Response:
        inner = httpx.AsyncHTTPTransport(http1=not http2, http2=http2)
        transport = AsyncHoldgateTransport(inner, patience=PATIENCE, on_hold=approve)
        async with httpx.AsyncClient(transport=transport, headers=signed(gate)) as waiting:
            return await waiting.request("DELETE", address(gate) + path)

    response = asyncio.run(go())
    assert (response.status_code, response.http_version) == (200, "HTTP/2" if http2 else "HTTP/1.1")
    assert gate.hits(path) == 1


def test_a_rejection_is_raised_with_who_and_why(gate: Gate, plain: httpx.HTTPTransport) -> None:
    path = fresh("hold")
    with client(gate, plain, voting(gate, Choice.REJECT)) as waiting, pytest.raises(Rejected) as caught:
        waiting.delete(path)
    assert (caught.value.by, caught.value.comment) == ("Bob", "a comment")
    assert gate.hits(path) == 0


def test_a_request_that_was_taken_back_is_told_from_a_rejected_one(
    gate: Gate, plain: httpx.HTTPTransport
) -> None:
    path = fresh("hold")

    def cancel(hold: Hold) -> None:
        if hold.state == "pending":
            gate.act(lambda voting: voting.cancel(hold.id, signed_in("alice"), "a comment"))

    with client(gate, plain, cancel) as waiting, pytest.raises(Cancelled):
        waiting.delete(path)
    assert gate.hits(path) == 0


def test_another_body_than_the_approved_one_is_told_by_name_and_the_ticket_stays_good(
    gate: Gate, plain: httpx.HTTPTransport
) -> None:
    path = fresh("hold")
    with client(gate, plain, patience=Patience(total=0)) as hasty:
        with pytest.raises(WaitTimeout) as caught:
            hasty.post(path, content=b"a")
        ticket = caught.value.ticket
        gate.vote(ticket.id)
        with pytest.raises(Changed) as changed:
            hasty.post(path, content=b"b", extensions={"holdgate_ticket": ticket})
        assert changed.value.parts == ("body",)
        assert hasty.post(path, content=b"a", extensions={"holdgate_ticket": ticket}).status_code == 200
        with pytest.raises(UsedUp):
            hasty.post(path, content=b"a", extensions={"holdgate_ticket": ticket})
    assert gate.hits(path) == 1


@pytest.mark.parametrize("kind", ["open", "closed"])
def test_what_is_not_held_is_as_it_would_be_without_this(
    kind: str, gate: Gate, plain: httpx.HTTPTransport
) -> None:
    path = fresh(kind)
    with client(gate, plain) as waiting, httpx.Client(base_url=address(gate), headers=signed(gate)) as usual:
        one, other = waiting.delete(path), usual.delete(path)
    assert (one.status_code, one.content) == (other.status_code, other.content)


def test_a_stream_is_refused_with_its_ticket_and_goes_on_as_bytes(
    gate: Gate, plain: httpx.HTTPTransport
) -> None:
    path = fresh("hold")
    with client(gate, plain, voting(gate)) as waiting:
        headers = {"content-length": "2"}
        with pytest.raises(NotReplayable) as caught:
            waiting.post(path, content=(chunk for chunk in (b"a", b"b")), headers=headers)
        response = waiting.post(path, content=b"ab", extensions={"holdgate_ticket": caught.value.ticket})
    assert response.status_code == 200
    assert gate.hits(path) == 1


def test_a_head_request_is_waited_for_by_its_headers(gate: Gate, plain: httpx.HTTPTransport) -> None:
    path = fresh("hold")
    with client(gate, plain, voting(gate)) as waiting:
        assert waiting.head(path).status_code == 200
    assert gate.hits(path) == 1


class Losing(httpx.BaseTransport):
    """Loses so many answers to requests with a ticket, after they came."""

    def __init__(self, plain: httpx.HTTPTransport, times: int = 1) -> None:
        self._plain = plain
        self._left = times

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._plain.handle_request(request)
        if TICKET in request.headers and request.method != "GET" and self._left:
            self._left -= 1
            response.read()
            raise httpx.ReadError("reset", request=request)
        return response


def test_an_answer_that_was_lost_is_not_asked_for_by_doing_it_twice(
    gate: Gate, plain: httpx.HTTPTransport
) -> None:
    """With two uses a second redemption would go through as well: the control names the method."""
    path = fresh("twice")
    with client(gate, Losing(plain), voting(gate)) as waiting, pytest.raises(LostAnswer) as caught:
        waiting.delete(path)
    assert gate.hits(path) == 1
    with client(gate, plain) as waiting:
        response = waiting.delete(path, extensions={"holdgate_ticket": caught.value.ticket})
    assert (response.status_code, gate.hits(path)) == (200, 2)

    path = fresh("twice")
    with client(gate, Losing(plain), voting(gate), resend_lost=frozenset({"DELETE"})) as waiting:
        assert waiting.delete(path).status_code == 200
    assert gate.hits(path) == 2


def test_a_lost_answer_to_the_only_use_is_told_when_it_is_asked_for(
    gate: Gate, plain: httpx.HTTPTransport
) -> None:
    path = fresh("hold")
    sending_again = client(gate, Losing(plain), voting(gate), resend_lost=frozenset({"DELETE"}))
    with sending_again as waiting, pytest.raises(LostAnswer) as caught:
        waiting.delete(path)
    assert caught.value.problem is not None
    (use,) = json.loads(json.dumps(caught.value.problem.members["used_by"]))
    assert use.keys() == {"request_id", "at"}
    assert gate.hits(path) == 1


class Stripping(httpx.BaseTransport):
    """A proxy that passes on no header that it doesn't know."""

    def __init__(self, plain: httpx.HTTPTransport) -> None:
        self._plain = plain

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = [(name, value) for name, value in request.headers.raw if name != TICKET.encode()]
        stripped = httpx.Request(request.method, request.url, headers=headers, stream=request.stream)
        return self._plain.handle_request(stripped)


def test_a_proxy_that_strips_the_header_is_named(gate: Gate, plain: httpx.HTTPTransport) -> None:
    path = fresh("hold")
    with client(gate, Stripping(plain), voting(gate)) as waiting, pytest.raises(TicketNotSeen):
        waiting.delete(path)
    assert gate.hits(path) == 0


def test_no_log_has_the_token(
    gate: Gate, plain: httpx.HTTPTransport, caplog: pytest.LogCaptureFixture
) -> None:
    path = fresh("hold")
    caplog.set_level(logging.DEBUG, "httpcore")
    with client(gate, plain, patience=Patience(total=0)) as hasty, pytest.raises(WaitTimeout) as caught:
        hasty.delete(path)
    token = caught.value.ticket.token
    assert f"[ticket {caught.value.ticket.id}]" in caplog.text
    assert token not in caplog.text
    caplog.clear()
    redaction = logging.getLogger("httpcore.http11").filters
    kept = list(redaction)
    redaction.clear()
    try:
        with httpx.Client(base_url=address(gate), headers=signed(gate)) as usual:
            usual.delete(path)
    finally:
        redaction.extend(kept)
    assert token in caplog.text, "the control: what is logged without the filter"


def test_two_clients_of_one_person_wait_on_the_same_ticket(gate: Gate) -> None:
    path, seen = fresh("twice"), set[str]()
    with ThreadPoolExecutor() as pool:

        def wait() -> int:
            with (
                httpx.HTTPTransport() as plain,
                client(gate, plain, lambda hold: seen.add(hold.id)) as waiting,
            ):
                return waiting.delete(path).status_code

        answers = [pool.submit(wait) for _ in range(2)]
        until("both are held", lambda: len(gate.backing.opa.inputs) >= 2 and bool(seen))
        gate.vote(next(iter(seen)))
        assert [answer.result(timeout=30) for answer in answers] == [200, 200]
    assert len(seen) == 1
    assert gate.hits(path) == 2


def test_a_ticket_is_the_requesters_alone(gate: Gate, plain: httpx.HTTPTransport) -> None:
    path = fresh("hold")
    with client(gate, plain, patience=Patience(total=0)) as hasty:
        with pytest.raises(WaitTimeout) as caught:
            hasty.delete(path)
        gate.vote(caught.value.ticket.id)
        others = signed(gate, "dave")
        with pytest.raises(Exception, match="Ticket refused"):
            hasty.delete(path, headers=others, extensions={"holdgate_ticket": caught.value.ticket})
    assert gate.hits(path) == 0
