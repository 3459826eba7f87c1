"""Where a ticket goes, and where it doesn't."""

from __future__ import annotations

import copy
import dataclasses
import logging
import traceback
from typing import Any

import httpx
import pytest

from clients.python.tests.gate_double import GATE, TICKET, URL, Caller, GateDouble, Time, token
from holdgate_client import HoldgateError, Patience, Ticket, TicketRedaction, WaitTimeout

ELSEWHERE = [
    "https://other.test/target",
    "http://gate.test/target",
    "https://gate.test:8443/target",
    "https://sub.gate.test/target",
]


def redirecting(gate: GateDouble, location: str, reached: list[httpx.Request]) -> None:
    """Let the upstream send who got through elsewhere."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/target":
            reached.append(request)
            return httpx.Response(200)
        return gate(request)

    gate.upstream = lambda _: httpx.Response(307, headers={"location": location})
    gate.handle = handle  # type: ignore[attr-defined]


@pytest.mark.parametrize("location", [*ELSEWHERE, "/target"])
@pytest.mark.parametrize("given", ["by the gate", "as an extension", "as a header"])
def test_a_redirect_does_not_take_the_ticket_along(
    location: str, given: str, caller: Caller, gate: GateDouble
) -> None:
    reached: list[httpx.Request] = []
    redirecting(gate, location, reached)
    caller.handler = gate.handle  # type: ignore[attr-defined]
    options: dict[str, Any] = {}
    if given != "by the gate":
        gate.state = "approved"
        ticket = Ticket.issued_by(URL, token())
        options = (
            {"headers": {TICKET: token()}}
            if given == "as a header"
            else {"extensions": {"holdgate_ticket": ticket}}
        )
    assert caller.send("POST", content=b"{}", **options).status_code == 200
    assert (gate.done, len(reached)) == (1, 1)
    assert token() not in str(reached[0].headers.raw)


def test_a_client_that_sets_the_header_itself_gives_it_away(gate: GateDouble) -> None:
    """The control: what httpx does with a header when nothing takes it out."""
    reached: list[httpx.Request] = []
    redirecting(gate, "https://other.test/target", reached)
    gate.state = "approved"
    with httpx.Client(transport=httpx.MockTransport(gate.handle), follow_redirects=True) as client:  # type: ignore[attr-defined]
        client.delete(URL, headers={TICKET: token()})
    assert reached[0].headers[TICKET] == token()


def test_two_gates_each_get_their_own(caller: Caller, gate: GateDouble, time: Time) -> None:
    other = GateDouble(time, number=2)
    gate.upstream = lambda _: httpx.Response(307, headers={"location": "https://other.test/there"})
    caller.handler = lambda request: (other if request.url.host == "other.test" else gate)(request)
    assert caller.send().status_code == 200
    assert [sent.headers.get(TICKET) for sent in gate.sent] == [None, token(1)]
    assert [sent.headers.get(TICKET) for sent in other.sent] == [None, token(2)]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_ticket_is_not_used_where_it_does_not_come_from(url: str, caller: Caller, gate: GateDouble) -> None:
    with pytest.raises(ValueError, match=r"was given by https://gate\.test"):
        caller.send(url=url, extensions={"holdgate_ticket": Ticket.issued_by(URL, token())})
    assert gate.sent == []


def test_another_host_name_at_the_same_address_is_another_origin(caller: Caller, gate: GateDouble) -> None:
    ticket = Ticket.issued_by(URL, token(), host="a.test")
    gate.state = "approved"
    with pytest.raises(ValueError, match=r"https://a\.test"):
        caller.send(headers={"host": "b.test"}, extensions={"holdgate_ticket": ticket})
    assert caller.send(headers={"host": "A.test"}, extensions={"holdgate_ticket": ticket}).status_code == 200


def test_the_port_that_a_scheme_means_is_the_same_origin() -> None:
    assert Ticket.issued_by("https://gate.test:443/a", token()) == Ticket.issued_by(
        "https://gate.test/b", token()
    )


@pytest.mark.parametrize(
    "wrong", ["", "secret", "hg1.k1.id.short", token() + "\r\n", token() + ",x", "hg1.ké.id." + "a" * 43]
)
def test_what_is_no_token_is_refused_without_being_told(wrong: str) -> None:
    with pytest.raises(ValueError, match="not the token of a ticket") as caught:
        Ticket.issued_by(URL, wrong)
    assert not wrong or wrong not in str(caught.value)


def test_an_extension_that_is_no_ticket_is_refused(caller: Caller, gate: GateDouble) -> None:
    with pytest.raises(TypeError, match="holdgate_ticket"):
        caller.send(extensions={"holdgate_ticket": token()})
    assert gate.sent == []


def test_two_ticket_headers_are_left_to_the_gate(caller: Caller, gate: GateDouble) -> None:
    with pytest.raises(HoldgateError):
        caller.send(headers=[(TICKET, token()), (TICKET, token(2))])
    assert gate.sent[0].headers.get_list(TICKET) == [token(), token(2)]


def test_a_request_shows_no_ticket_afterwards(caller: Caller) -> None:
    response = caller.send()
    assert token() not in str(response.request.headers.raw)
    assert token() not in str(response.headers.raw)


def test_nothing_that_is_shown_has_the_token(
    caller: Caller, gate: GateDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gate.decided_after, caller.patience = None, Patience(total=30)
    with pytest.raises(WaitTimeout) as caught:
        caller.send()
    error = caught.value
    shown = [
        *map(repr, (error, error.ticket, error.hold, error.request, error.request.headers, caller.heard)),
        *map(str, (error, error.ticket, error.hold)),
        "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()),
        caplog.text,
    ]
    assert error.ticket.token == token()
    assert copy.copy(error.ticket) == error.ticket == caller.heard[0].ticket
    shown.append(str(dataclasses.asdict(caller.heard[0])))
    for text in shown:
        assert token() not in text


@pytest.mark.parametrize("logger", ["httpcore.http11", "httpcore.http2"])
def test_the_logs_of_what_httpx_sends_with_are_without_tokens(
    logger: str, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caller.send()
    logging.getLogger(logger).debug("complete return_value=%s", [(TICKET.encode(), token().encode())])
    assert token() not in caplog.text
    assert "[ticket 0-ticket1]" in caplog.text
    logging.getLogger("another").debug("the control: %s", token())
    assert token() in caplog.text


def test_the_redaction_leaves_other_records_as_they_are() -> None:
    record = logging.LogRecord("a", logging.INFO, "p", 1, "%s and %d", ("b", 2), None)
    assert TicketRedaction().filter(record)
    assert (record.msg, record.args) == ("%s and %d", ("b", 2))


def test_the_status_is_asked_where_the_gate_is(caller: Caller, gate: GateDouble) -> None:
    caller.send()
    assert {str(asked.url.copy_with(path="/")) for asked in gate.asked} == {GATE + "/"}
