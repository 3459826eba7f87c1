"""The answers that clients get: every header and member, for a problem, for a ticket and for its status."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from authz.domain.answer import ProblemDetails
from authz.domain.client_view import ending_members, ticket_members
from authz.domain.problems import Problem
from authz.domain.ticket import Choice, State, Ticket
from authz.services.check.responses import about, method_not_allowed, problem, status
from tests.support.sample_tickets import CREATED_AT, approved, ended, ticket, vote

URL = "https://holdgate.example"
PENDING = ticket()
APPROVED = approved(PENDING)
REJECTED = ended(PENDING, State.REJECTED, vote(Choice.REJECT, "bob", "freeze"))
NOW = CREATED_AT + 61_000
LATE = APPROVED.window_until or 0
PROBLEM_HEADERS = {"content-type": "application/problem+json", "cache-control": "no-store"}


def test_a_problem_has_its_type_and_the_members_that_go_with_it() -> None:
    answer = problem(Problem.CHANGED, {"changed": ["path"]})
    said = orjson.loads(answer.body)
    kind = Problem.CHANGED.value
    assert (answer.status, said["status"]) == (409, 409)
    assert (said["type"], said["title"], said["detail"]) == (kind.uri, kind.title, kind.detail)
    assert said["changed"] == ["path"]
    assert PROBLEM_HEADERS.items() <= dict(answer.headers).items()
    assert "retry-after" not in dict(answer.headers)
    assert answer.details == ProblemDetails(Problem.CHANGED, said)


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (Problem.UNAVAILABLE, None, "1"),
        (Problem.PRINCIPAL_UNKNOWN, None, "1"),
        (Problem.UNAVAILABLE, 7, "7"),
        (Problem.TOO_MANY_TICKETS, 0, "0"),
        (Problem.TOO_MANY_TICKETS, None, None),
    ],
)
def test_a_problem_says_when_to_come_back_where_that_is_known(
    kind: Problem, given: int | None, told: str | None
) -> None:
    assert dict(problem(kind, retry_after_s=given).headers).get("retry-after") == told


def test_the_methods_that_there_are_are_named() -> None:
    answer = method_not_allowed("GET", "HEAD")
    assert (answer.status, dict(answer.headers)["allow"]) == (405, "GET, HEAD")
    assert PROBLEM_HEADERS.items() <= dict(answer.headers).items()


@pytest.mark.parametrize(("held", "now"), [(PENDING, NOW), (APPROVED, NOW)], ids=["pending", "approved"])
@pytest.mark.parametrize("held_status", [202, 428])
def test_a_living_ticket_is_told_with_its_token(held: Ticket, now: int, held_status: int) -> None:
    """Another status than 202 makes it a problem document with the same members."""
    answer = about(replace(held, draft=replace(held.draft, held_status=held_status)), now, "hg1.x", URL)
    said = orjson.loads(answer.body)
    members = orjson.loads(orjson.dumps(ticket_members(held, now, URL)))
    assert members.items() <= said.items()
    assert (answer.status, said["token"]) == (held_status, "hg1.x")
    assert answer.headers[1:] == (
        ("cache-control", "no-store"),
        ("retry-after", str(said["retry_after"])),
        ("link", f'</.holdgate/tickets/{held.id}>; rel="status"'),
        ("x-approval-ticket", "hg1.x"),
    )
    problems = {"type": Problem.HELD.value.uri, "title": "Held for approval", "status": held_status}
    assert dict(answer.headers)["content-type"] == (
        "application/json" if held_status == 202 else "application/problem+json"
    )
    assert {name: said[name] for name in problems if name in said} == (problems if held_status != 202 else {})
    assert answer.details == ProblemDetails(Problem.HELD, said)


@pytest.mark.parametrize(
    ("held", "now", "kind"),
    [
        (REJECTED, NOW, Problem.REJECTED),
        (PENDING, PENDING.expires_at, Problem.EXPIRED),
        (APPROVED, LATE, Problem.LAPSED),
        (ended(PENDING, State.CANCELLED), NOW, Problem.CANCELLED),
        (ended(PENDING, State.SUPERSEDED), NOW, Problem.SUPERSEDED),
        (ended(APPROVED, State.REVOKED), NOW, Problem.REVOKED),
        (ended(APPROVED, State.USED_UP), NOW, Problem.USED_UP),
    ],
    ids=lambda value: value.name if isinstance(value, Problem) else "",
)
def test_a_ticket_that_is_over_is_told_without_its_token(held: Ticket, now: int, kind: Problem) -> None:
    answer = about(held, now, "hg1.x", URL)
    members = ticket_members(held, now, URL) | ending_members(held, now)
    said = orjson.loads(answer.body)
    assert (answer.status, said["type"]) == (403, kind.value.uri)
    assert orjson.loads(orjson.dumps(members)).items() <= said.items()
    assert b"hg1." not in answer.body
    assert "x-approval-ticket" not in dict(answer.headers)


@pytest.mark.parametrize(
    ("held", "now", "retry_after"),
    [(PENDING, NOW, "5"), (APPROVED, NOW, "0"), (REJECTED, NOW, None), (APPROVED, LATE, None)],
    ids=["pending", "approved", "rejected", "lapsed"],
)
def test_the_status_tells_the_same_whatever_it_is_and_never_the_token(
    held: Ticket, now: int, retry_after: str | None
) -> None:
    answer = status(held, now, URL)
    said = orjson.loads(answer.body)
    members = ticket_members(held, now, URL)
    if retry_after is None:
        members |= ending_members(held, now)
    assert said.pop("detail")
    assert said == orjson.loads(orjson.dumps(members))
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "link": f'</.holdgate/tickets/{held.id}>; rel="self"',
    }
    if retry_after is not None:
        headers["retry-after"] = retry_after
    assert (answer.status, dict(answer.headers)) == (200, headers)
