from __future__ import annotations

import httpx
import pytest

from clients.python.tests.gate_double import (
    GATE,
    PATH,
    TICKET,
    URL,
    Caller,
    GateDouble,
    Time,
    identifier,
    problem,
    token,
)
from holdgate_client import Patience, Rejected, TicketNotSeen, WaitStopped, WaitTimeout


def test_an_approved_request_goes_through_and_its_answer_comes_back(caller: Caller, gate: GateDouble) -> None:
    response = caller.send()
    assert (response.status_code, response.json(), gate.done) == (200, {"deleted": True}, 1)


def test_what_is_sent_again_is_the_identical_request_with_the_ticket_beside_it(
    caller: Caller, gate: GateDouble
) -> None:
    caller.send(
        "POST", URL + "?a=%2F&b", content=b"\x00\xff{}", headers=[("X-B", "1"), ("x-a", "2"), ("X-B", "3")]
    )
    first, again = gate.sent
    assert (
        (again.method, again.url.raw_path)
        == (first.method, first.url.raw_path)
        == ("POST", PATH.encode() + b"?a=%2F&b")
    )
    assert again.headers.raw == [*first.headers.raw, (TICKET.encode(), token().encode())]
    assert [sent.content for sent in gate.sent] == [b"\x00\xff{}"] * 2


@pytest.mark.parametrize("status", [202, 403, 428, 503])
def test_a_hold_is_met_with_each_status_that_it_may_have(
    status: int, caller: Caller, gate: GateDouble
) -> None:
    gate.held_status = status
    assert caller.send().status_code == 200


def test_the_caller_is_told_what_is_waited_for_and_of_each_change(caller: Caller, gate: GateDouble) -> None:
    gate.decided_after = 4
    caller.send()
    pending, approved = caller.heard
    assert (pending.id, pending.state, pending.rule, pending.detail) == (
        identifier(),
        "pending",
        "delete-resource",
        "Held.",
    )
    assert (pending.given, pending.needed, pending.awaiting) == (0, 1, ("sre",))
    assert pending.expires_at is not None
    assert pending.expires_at.isoformat() == "2026-03-02T09:41:07+00:00"
    assert pending.status_url == f"{GATE}/.holdgate/tickets/{identifier()}"
    assert pending.review_url == f"https://holdgate.test/tickets/{identifier()}"
    assert approved.state == "approved"


def test_what_the_callback_raises_ends_the_wait(caller: Caller, gate: GateDouble) -> None:
    def refuse(_: object) -> None:
        raise KeyError("not today")

    caller.on_hold = refuse
    with pytest.raises(KeyError):
        caller.send()
    assert len(gate.sent) == 1


def test_a_gate_that_keeps_questions_open_is_asked_to(caller: Caller, gate: GateDouble) -> None:
    gate.waits, gate.decided_after = True, 3
    caller.patience = Patience(total=600, ask=25)
    caller.send()
    assert [asked.headers["prefer"] for asked in gate.asked] == ["wait=25"] * 3
    assert max(caller.time.pauses) < 1, "an open question takes the place of the wait"
    assert {asked.extensions["timeout"]["read"] for asked in gate.asked} == {35}


def test_a_question_carries_the_ticket_and_nothing_of_the_callers(caller: Caller, gate: GateDouble) -> None:
    caller.send(headers={"authorization": "Bearer x", "cookie": "a=b", "x-tenant": "t", "host": "name.test"})
    asked = gate.asked[0].headers
    assert set(asked) == {"host", "user-agent", "accept", "accept-encoding", "prefer", TICKET}
    assert asked["host"] == "name.test"


def test_a_gate_that_answers_at_once_is_asked_as_often_as_it_says(caller: Caller, gate: GateDouble) -> None:
    gate.decided_after, gate.retry_after = 4, 7
    caller.send()
    assert len(gate.asked) == 4
    assert caller.time.pauses[0] < 1
    assert all(7 - 1e-6 <= pause <= 7 * 1.2 for pause in caller.time.pauses[1:4]), caller.time.pauses


def test_pauses_differ_so_that_clients_do_not_come_together(caller: Caller, gate: GateDouble) -> None:
    gate.decided_after = 20
    caller.send()
    assert len({round(pause, 4) for pause in caller.time.pauses}) > 10


def test_a_patience_without_open_questions_begins_with_the_gates_wait(
    caller: Caller, gate: GateDouble
) -> None:
    caller.patience = Patience(total=600, ask=0)
    caller.send()
    assert caller.time.pauses[0] >= 5
    assert all("prefer" not in asked.headers for asked in gate.asked)


def test_without_a_status_the_request_itself_is_the_question(caller: Caller, gate: GateDouble) -> None:
    gate.offers_status, gate.decided_after = False, 3
    assert caller.send().status_code == 200
    paths = [sent.url.path for sent in gate.sent]
    assert paths == [PATH, f"/.holdgate/tickets/{identifier()}", PATH, PATH, PATH][: len(paths)]
    assert gate.done == 1


@pytest.mark.parametrize("answer", [404, 401, 403])
def test_a_status_that_is_kept_away_is_not_asked_again(answer: int, caller: Caller, gate: GateDouble) -> None:
    gate.troubles_of_asks.extend([httpx.Response(answer)])
    gate.state, gate.decided_after = "pending", None
    gate.time.then = lambda: setattr(gate, "state", "approved") if len(gate.sent) == 3 else None
    assert caller.send().status_code == 200
    assert len(gate.asked) == 1
    assert len(gate.sent) == 4


def test_a_status_that_fails_for_a_while_is_asked_again_and_then_no_more(
    caller: Caller, gate: GateDouble
) -> None:
    gate.troubles_of_asks.extend(httpx.Response(503) for _ in range(10))
    gate.decided_after = None
    gate.time.then = lambda: setattr(gate, "state", "approved") if len(gate.sent) == 2 else None
    assert caller.send().status_code == 200
    assert len(gate.asked) == 4


def test_a_status_of_another_ticket_is_not_believed(caller: Caller, gate: GateDouble) -> None:
    gate.troubles_of_asks.append(httpx.Response(200, json={"id": "0-other", "state": "approved"}))
    gate.decided_after = None
    gate.time.then = lambda: setattr(gate, "state", "approved") if len(gate.sent) == 2 else None
    assert caller.send().status_code == 200
    assert len(gate.asked) == 1


def test_the_patience_bounds_the_wait_and_the_ticket_goes_on_with_it(
    caller: Caller, gate: GateDouble
) -> None:
    gate.decided_after, caller.patience = None, Patience(total=60)
    began = caller.time.now
    with pytest.raises(
        WaitTimeout, match=r"held as ticket 0-ticket1 .* for sre: not decided within 60 sec"
    ) as caught:
        caller.send()
    assert caller.time.now - began == pytest.approx(60)
    assert caught.value.hold is not None
    assert caught.value.request.url == URL
    gate.state = "approved"
    resumed = caller.send(extensions={"holdgate_ticket": caught.value.ticket})
    assert resumed.status_code == 200
    assert len(gate.sent) == 2


def test_a_gate_that_waits_is_not_asked_to_for_longer_than_the_patience(
    caller: Caller, gate: GateDouble
) -> None:
    gate.decided_after, gate.waits, caller.patience = None, True, Patience(total=60, ask=25)
    with pytest.raises(WaitTimeout):
        caller.send()
    assert [asked.headers.get("prefer") for asked in gate.asked] == ["wait=25", "wait=25", "wait=9"]


def test_no_patience_is_the_ticket_at_once(caller: Caller, gate: GateDouble) -> None:
    caller.patience = Patience(total=0)
    with pytest.raises(WaitTimeout):
        caller.send()
    assert (len(gate.sent), gate.asked, caller.time.pauses) == (1, [], [])


def test_with_no_patience_what_is_approved_already_goes_through(caller: Caller, gate: GateDouble) -> None:
    gate.state, caller.patience = "approved", Patience(total=0)
    assert caller.send().status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"total": float("inf")}, {"total": -1}, {"total": float("nan")}, {"ask": 241}, {"ask": -1}]
)
def test_a_patience_without_an_end_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Patience"):
        Patience(**wrong)  # type: ignore[arg-type]


def test_a_ticket_that_took_anothers_place_is_waited_for_instead(caller: Caller, gate: GateDouble) -> None:
    gate.decision = "superseded"

    def approve_the_second() -> None:
        if gate.number == 2:
            gate.state = "approved"

    gate.time.then = approve_the_second
    assert caller.send().status_code == 200
    assert [sent.headers.get(TICKET) for sent in gate.sent] == [None, token(1), token(2)]
    assert [hold.id for hold in caller.heard if hold.state == "pending"] == [identifier(1), identifier(2)]


def test_a_gate_that_never_sees_the_ticket_is_told_from_one_that_waits(
    caller: Caller, gate: GateDouble
) -> None:
    """A proxy takes the header off: the gate sees the same request without it each time."""

    def stripped(request: httpx.Request) -> httpx.Response:
        if TICKET in request.headers:
            del request.headers[TICKET]
        return gate(request)

    caller.handler, gate.state = stripped, "approved"
    with pytest.raises(TicketNotSeen, match="x-approval-ticket"):
        caller.send()
    assert len(gate.sent) == 4
    assert gate.done == 0


def test_an_approval_that_is_there_already_is_used_at_once(caller: Caller, gate: GateDouble) -> None:
    gate.state = "approved"
    assert caller.send().status_code == 200
    assert caller.time.pauses == []


def test_new_approved_tickets_without_end_are_not_tried_without_a_pause(
    caller: Caller, gate: GateDouble
) -> None:
    gate.state = "approved"

    def another(request: httpx.Request) -> httpx.Response:
        if len(gate.sent) == 50:
            caller.time.now += 1000
        gate.sent.append(request)
        gate.number = len(gate.sent)
        return gate.hold()

    caller.handler = another
    with pytest.raises(WaitTimeout):
        caller.send()
    assert len(caller.time.pauses) >= 48


def test_a_stop_from_outside_ends_the_wait_before_anything_is_sent(time: Time, gate: GateDouble) -> None:
    caller = Caller("sync", time, gate)
    gate.time.then = lambda: setattr(time, "stopped", True)
    with pytest.raises(WaitStopped) as caught:
        caller.send()
    assert caught.value.ticket.id == identifier()
    assert len(gate.sent) == 1


def test_a_stop_that_comes_with_the_approval_goes_before_it(time: Time, gate: GateDouble) -> None:
    caller = Caller("sync", time, gate)

    def stop(request: httpx.Request) -> httpx.Response:
        answer = gate(request)
        time.stopped = gate.state == "approved"
        return answer

    caller.handler = stop
    with pytest.raises(WaitStopped):
        caller.send()
    assert gate.done == 0


def test_a_rejection_is_raised_with_who_and_why(caller: Caller, gate: GateDouble) -> None:
    gate.decision, gate.members = "rejected", {"rejected_by": "Bob", "comment": "not on\na Friday"}
    with pytest.raises(Rejected, match=r"By Bob: “not on\\na Friday”") as caught:
        caller.send()
    assert (caught.value.by, caught.value.comment) == ("Bob", "not on\na Friday")
    assert caught.value.problem.status == 403
    assert caller.heard[-1].state == "rejected"


def test_an_outage_while_waiting_is_sat_out(caller: Caller, gate: GateDouble) -> None:
    gate.troubles_of_tickets.extend(
        [
            problem("unavailable", 503, {"retry-after": "1"}),
            problem("too-many-tickets", 429, {"retry-after": "40"}),
        ]
    )
    assert caller.send().status_code == 200
    assert caller.time.pauses[-1] >= 40
