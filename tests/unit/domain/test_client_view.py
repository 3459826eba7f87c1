from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authz.domain.client_view import (
    APPROVED_DETAIL,
    OF_STATE,
    advice,
    ending_members,
    retry_after,
    ticket_members,
)
from authz.domain.problems import Problem
from authz.domain.request import CheckId
from authz.domain.ticket import Choice, Redemption, State, Ticket
from authz.domain.timestamps import rfc3339, seconds_until
from tests.support.sample_tickets import CREATED_AT, approved, ended, ticket, vote

PENDING = ticket()
APPROVED = approved(PENDING)
URL = "https://holdgate.example/console/"
NOW = CREATED_AT + 1000


def members(held: Ticket, now: int = NOW) -> Any:  # noqa: ANN401 - JSON
    return ticket_members(held, now, URL)


def test_a_pending_ticket_says_what_it_waits_for() -> None:
    """The members of the 202, but the token."""
    assert members(PENDING) == {
        "id": PENDING.id,
        "state": "pending",
        "rule": "delete-production",
        "reason": "deletes a production resource",
        "created_at": "2023-11-14T22:13:20Z",
        "expires_at": "2023-11-14T22:43:20Z",
        "retry_after": 5,
        "progress": {"given": 0, "needed": 1, "awaiting": ["sre"]},
        "links": {
            "status": f"/.holdgate/tickets/{PENDING.id}",
            "review": f"https://holdgate.example/console/tickets/{PENDING.id}",
        },
    }


def test_an_approved_ticket_awaits_nothing_and_ends_with_its_window() -> None:
    """The requester isn't told by whom."""
    said = members(APPROVED)
    assert (said["state"], said["retry_after"], said["progress"]["awaiting"]) == ("approved", 0, [])
    assert said["expires_at"] == rfc3339(APPROVED.window_until or 0)
    assert "bob" not in str(said)


@pytest.mark.parametrize(("left_ms", "seconds"), [(60_000, 5), (5000, 5), (4001, 5), (4000, 4), (1, 1)])
def test_a_client_is_told_to_come_back_before_the_deadline(left_ms: int, seconds: int) -> None:
    """Every five seconds, sooner near the end, and never at once."""
    assert retry_after(PENDING, PENDING.expires_at - left_ms) == seconds


def test_the_state_is_that_of_the_clock() -> None:
    """An end that nobody stored yet is an end."""
    late = PENDING.expires_at
    assert members(PENDING, late)["state"] == "expired"
    assert ending_members(PENDING, late) == {"ended_at": rfc3339(late)}
    until = APPROVED.window_until or 0
    assert ending_members(APPROVED, until) == {"ended_at": rfc3339(until)}


def test_a_rejection_says_by_whom_when_and_why() -> None:
    """The one thing a requester may know of a voter."""
    no = ended(PENDING, State.REJECTED, vote(name="carol"), vote(Choice.REJECT, "bob", "freeze"))
    assert ending_members(no, NOW) == {
        "ended_at": rfc3339(CREATED_AT + 60_000),
        "rejected_by": "bob",
        "comment": "freeze",
    }
    nameless = replace(no, votes=(replace(no.votes[1], name=""),))
    assert ending_members(nameless, NOW)["rejected_by"] == "bob-1"


def test_a_used_ticket_says_for_which_requests() -> None:
    """Envoy's ids of the last three."""
    uses = tuple(Redemption(CheckId(str(n), n), CREATED_AT + n * 1000, 0) for n in range(5))
    said = ending_members(replace(ended(APPROVED, State.USED_UP), redemptions=uses), NOW)
    assert said["used_by"] == [
        {"request_id": str(n), "at": rfc3339(CREATED_AT + n * 1000)} for n in (2, 3, 4)
    ]


def test_times_are_utc_in_whole_seconds() -> None:
    """RFC 3339 section 5.6, rounded down; a wait is rounded up."""
    assert (rfc3339(0), rfc3339(1_999)) == ("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z")
    assert [seconds_until(10_000, now) for now in (8_000, 8_999, 9_001, 10_000, 12_000)] == [2, 2, 1, 0, 0]


@pytest.mark.parametrize("state", State)
def test_the_advice_is_about_the_state(state: State) -> None:
    told = {State.PENDING: Problem.HELD.value.detail, State.APPROVED: APPROVED_DETAIL}
    assert advice(state) == (told[state] if state.live else OF_STATE[state].value.detail)
