"""A connection that breaks: what is sent again, and what isn't."""

from __future__ import annotations

import httpx
import pytest

from clients.python.tests.gate_double import TICKET, Caller, GateDouble, problem
from holdgate_client import LostAnswer, WaitTimeout

BROKEN = [
    httpx.ReadError("reset"),
    httpx.ReadTimeout("slow"),
    httpx.WriteError("pipe"),
    httpx.WriteTimeout("slow"),
    httpx.RemoteProtocolError("gone"),
    httpx.ProxyError("proxy"),
]
UNSENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("busy")]


def answer_lost(caller: Caller, gate: GateDouble, times: int = 1) -> None:
    """Let the answers to so many redemptions get lost after the upstream has done what it was asked."""
    lost = iter(range(times))

    def losing(request: httpx.Request) -> httpx.Response:
        done = gate.done
        response = gate(request)
        if gate.done > done and next(lost, None) is not None:
            raise httpx.ReadError("reset")
        return response

    caller.handler = losing


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
def test_what_may_have_been_carried_out_is_not_sent_again(
    error: httpx.TransportError, caller: Caller, gate: GateDouble
) -> None:
    gate.troubles_of_tickets.append(error)
    with pytest.raises(LostAnswer, match="look before you send it again") as caught:
        caller.send()
    assert caught.value.__cause__ is error
    assert caught.value.problem is None
    assert len(gate.sent) == 2


def test_for_two_uses_sending_it_again_would_be_doing_it_twice(caller: Caller, gate: GateDouble) -> None:
    """Why it isn't: a grant of two uses lets the second through as well. The control names the method."""

    def of_two_uses(_: httpx.Request) -> httpx.Response:
        if gate.done == 1:
            gate.state = "approved"
        return httpx.Response(200)

    gate.upstream = of_two_uses
    answer_lost(caller, gate)
    with pytest.raises(LostAnswer):
        caller.send()
    assert gate.done == 1
    gate.state, gate.done = "approved", 0
    answer_lost(caller, gate)
    caller.resend_lost = frozenset({"DELETE"})
    assert caller.send().status_code == 200
    assert gate.done == 2


def test_a_method_that_may_be_sent_again_learns_that_its_only_use_was_taken(
    caller: Caller, gate: GateDouble
) -> None:
    answer_lost(caller, gate)
    caller.resend_lost = frozenset({"DELETE"})
    with pytest.raises(LostAnswer, match="most likely let through") as caught:
        caller.send()
    assert caught.value.problem is not None
    assert caught.value.problem.kind == "used-up"
    assert gate.done == 1


def test_a_request_that_never_arrived_is_sent_again_where_its_method_may(
    caller: Caller, gate: GateDouble
) -> None:
    gate.troubles_of_tickets.extend([httpx.ReadError("reset"), httpx.ReadError("reset")])
    caller.resend_lost = frozenset({"delete"})
    assert caller.send().status_code == 200
    assert gate.done == 1


def test_another_method_is_not_meant(caller: Caller, gate: GateDouble) -> None:
    gate.troubles_of_tickets.append(httpx.ReadError("reset"))
    caller.resend_lost = frozenset({"DELETE"})
    with pytest.raises(LostAnswer):
        caller.send("POST")


@pytest.mark.parametrize("error", UNSENT, ids=lambda error: type(error).__name__)
def test_what_was_never_sent_is_sent_again(
    error: httpx.TransportError, caller: Caller, gate: GateDouble
) -> None:
    gate.troubles_of_tickets.extend([error] * 3)
    assert caller.send().status_code == 200
    assert gate.done == 1


def test_a_gate_that_cannot_be_reached_ends_with_the_patience(caller: Caller, gate: GateDouble) -> None:
    gate.troubles_of_tickets.extend([httpx.ConnectError("refused")] * 200)
    with pytest.raises(WaitTimeout) as caught:
        caller.send()
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
    assert len(gate.sent) < 40


@pytest.mark.parametrize("error", [*BROKEN, *UNSENT], ids=lambda error: type(error).__name__)
def test_a_question_that_breaks_is_asked_again_because_it_changes_nothing(
    error: httpx.TransportError, caller: Caller, gate: GateDouble
) -> None:
    gate.troubles_of_asks.extend([error] * 5)
    assert caller.send().status_code == 200
    assert len(gate.sent) == 2


def test_where_open_questions_are_cut_off_short_ones_get_through(caller: Caller, gate: GateDouble) -> None:
    def cutting(request: httpx.Request) -> httpx.Response:
        if "prefer" in request.headers:
            gate.asked.append(request)
            caller.time.now += 20
            raise httpx.RemoteProtocolError("cut off")
        return gate(request)

    caller.handler = cutting
    assert caller.send().status_code == 200
    assert ["prefer" in asked.headers for asked in gate.asked][:3] == [True, True, False]


@pytest.mark.parametrize("error", [*BROKEN, *UNSENT], ids=lambda error: type(error).__name__)
def test_before_a_hold_a_broken_connection_is_what_it_would_be_without_this(
    error: httpx.TransportError, caller: Caller
) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise error

    caller.handler = broken
    with pytest.raises(type(error)):
        caller.send()
    assert caller.time.pauses == []


def test_a_ticket_to_go_on_with_is_not_sent_again_either(caller: Caller, gate: GateDouble) -> None:
    gate.state = "approved"
    gate.troubles_of_tickets.append(httpx.ReadError("reset"))
    with pytest.raises(LostAnswer):
        caller.send(headers={TICKET: "hg1.k1.0-ticket1." + "s3cret" * 7 + "1"})
    assert len(gate.sent) == 1


def test_an_outage_after_a_lost_answer_is_still_one_to_sit_out(caller: Caller, gate: GateDouble) -> None:
    gate.troubles_of_tickets.extend([httpx.ReadError("reset"), problem("unavailable", 503)])
    caller.resend_lost = frozenset({"DELETE"})
    assert caller.send().status_code == 200


def test_the_upstreams_own_error_is_the_answer(caller: Caller, gate: GateDouble) -> None:
    gate.upstream = lambda _: httpx.Response(503, text="the upstream's")
    assert caller.send().text == "the upstream's"
    assert gate.done == 1
