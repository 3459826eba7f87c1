from __future__ import annotations

import inspect
import re
from pathlib import Path

import httpx
import pytest

from clients.python.tests.gate_double import URL, Caller, GateDouble, problem
from holdgate_client import (
    Answered,
    Changed,
    HoldgateError,
    Outage,
    Rejected,
    TicketRefused,
    TooMany,
    Unfinished,
    errors,
)

PROBLEMS = (Path(__file__).parents[3] / "docs" / "problems.md").read_text("utf-8")
KINDS = dict(re.findall(r"^`urn:holdgate:problem:([a-z-]+)`, \*\*(\d+)\*\*", PROBLEMS, re.MULTILINE))


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"held"}))
def test_every_problem_type_has_an_error_of_its_own(kind: str, caller: Caller) -> None:
    caller.handler = lambda _: problem(kind, int(KINDS[kind]))
    with pytest.raises(Answered) as caught:
        caller.send()
    assert type(caught.value) not in {Answered, errors.Refused}
    assert (caught.value.problem.kind, caught.value.problem.status) == (kind, int(KINDS[kind]))
    assert caught.value.problem.type == f"urn:holdgate:problem:{kind}"
    assert str(caught.value) == f"{kind.capitalize()}: It is {kind}."


def test_no_error_is_of_a_problem_that_is_not_there() -> None:
    assert errors._OF_KIND.keys() == KINDS.keys() - {"held"}


def test_a_problem_type_to_come_is_an_answer_all_the_same(caller: Caller) -> None:
    caller.handler = lambda _: problem("quarantined", 451, reason="r")
    with pytest.raises(Answered) as caught:
        caller.send()
    assert type(caught.value) is Answered
    assert caught.value.problem.members == {"reason": "r"}


def test_what_handles_the_errors_of_httpx_handles_these(caller: Caller) -> None:
    caller.handler = lambda _: problem("rejected", 403)
    with pytest.raises(httpx.HTTPError) as caught:
        caller.send()
    assert caught.value.request.url == URL
    assert not isinstance(caught.value, httpx.TransportError), "which retries would repeat"


def test_a_changed_request_is_told_what_differs(caller: Caller, gate: GateDouble) -> None:
    gate.troubles_of_tickets.append(problem("request-changed", 409, changed=["path", "body", 7]))
    with pytest.raises(Changed, match=r"Changed: path, body\.") as caught:
        caller.send()
    assert caught.value.parts == ("path", "body")


def test_too_many_tickets_say_which_bound_and_for_how_long(caller: Caller) -> None:
    caller.handler = lambda _: problem("too-many-tickets", 429, {"retry-after": "30"}, scope="requester")
    with pytest.raises(TooMany) as caught:
        caller.send()
    assert caught.value.problem.members["scope"] == "requester"
    assert caught.value.problem.retry_after == 30


def test_an_outage_before_anything_was_held_is_the_callers(caller: Caller) -> None:
    caller.handler = lambda _: problem("unavailable", 503, {"retry-after": "1"})
    with pytest.raises(Outage):
        caller.send()
    assert caller.time.pauses == []


def test_an_outage_that_does_not_end_ends_with_the_patience(caller: Caller, gate: GateDouble) -> None:
    gate.troubles_of_tickets.extend(problem("unavailable", 503) for _ in range(200))
    with pytest.raises(Unfinished, match="600 seconds") as caught:
        caller.send()
    assert isinstance(caught.value.__cause__, Outage)
    assert len(gate.sent) < 40, "fewer and fewer"


@pytest.mark.parametrize("kind", ["bad-request", "principal-unknown", "ticket-refused", "quarantined"])
def test_what_does_not_pass_is_not_sat_out(kind: str, caller: Caller, gate: GateDouble) -> None:
    gate.troubles_of_tickets.append(problem(kind, 503))
    with pytest.raises(Answered):
        caller.send()
    assert len(gate.sent) == 2


def test_texts_of_others_can_do_nothing_to_a_terminal(caller: Caller) -> None:
    evil = "\x1b]0;owned\x07\r\n\u202egnp"
    caller.handler = lambda _: problem("rejected", 403, rejected_by=evil, comment="x" * 5000)
    with pytest.raises(Rejected) as caught:
        caller.send()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 1000
    assert caught.value.by == evil


def test_a_ticket_that_is_none_any_more_says_so(caller: Caller) -> None:
    caller.handler = lambda _: problem("ticket-refused", 403)
    with pytest.raises(TicketRefused):
        caller.send(headers={"x-approval-ticket": "hg1.k1.0-ticket9." + "a" * 43})


def test_the_tree_that_is_drawn_is_the_one_that_is_there() -> None:
    drawn = re.findall(r"^    ([ │├└─]*)(\w+) ", inspect.getdoc(errors) or "", re.MULTILINE)
    parents: list[str] = []
    pairs = []
    for lines, name in drawn:
        if name not in vars(errors):
            continue
        depth = len(lines) // 4
        parents[depth:] = [name]
        pairs.append((name, parents[depth - 1] if depth else "HTTPError"))
    classes = [
        (name, value.__bases__[0].__name__)
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, HoldgateError)
    ]
    assert sorted(pairs) == sorted(classes)


def test_a_problem_keeps_no_token(caller: Caller) -> None:
    caller.handler = lambda _: problem("to-come", 403, token="hg1.secret", id="0-1")
    with pytest.raises(Answered) as caught:
        caller.send()
    assert caught.value.problem.members == {"id": "0-1"}
