from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.events import EventType
from authz.domain.follow_up import FollowUp, escalated_to, follow_ups, to_come
from authz.domain.requirement import Escalation
from tests.support.sample_tickets import CREATED_AT, REQUIREMENT, approved, ticket

MINUTE = 60_000
TOLD = replace(
    REQUIREMENT,
    expires_in_ms=30 * MINUTE,
    remind_after_ms=10 * MINUTE,
    escalations=(Escalation(20 * MINUTE, "leads"), Escalation(5 * MINUTE, "night")),
)
REMINDER = FollowUp(EventType.TICKET_REMINDED, 1, CREATED_AT + 10 * MINUTE)
TO_LEADS = FollowUp(EventType.TICKET_ESCALATED, 1, CREATED_AT + 20 * MINUTE, "leads")
TO_NIGHT = FollowUp(EventType.TICKET_ESCALATED, 2, CREATED_AT + 5 * MINUTE, "night")


def test_a_rule_that_names_none_has_none() -> None:
    assert follow_ups(ticket()) == ()


def test_each_has_a_number_of_its_own_by_its_place_in_the_rule_not_by_its_time() -> None:
    assert follow_ups(ticket(requirement=TOLD)) == (REMINDER, TO_LEADS, TO_NIGHT)


def test_one_route_is_asked_once_at_the_earliest_time_that_a_rule_names() -> None:
    twice = (
        Escalation(20 * MINUTE, "leads"),
        Escalation(5 * MINUTE, "night"),
        Escalation(5 * MINUTE, "leads"),
    )
    found = follow_ups(ticket(requirement=replace(TOLD, escalations=twice)))
    at = CREATED_AT + 5 * MINUTE
    assert found == (
        REMINDER,
        TO_NIGHT,
        FollowUp(EventType.TICKET_ESCALATED, 3, at, "leads"),
    )


def test_what_would_come_at_the_deadline_or_after_it_does_not_come() -> None:
    """Of several rules the shortest deadline counts, so a reminder can be later than that."""
    short = replace(TOLD, expires_in_ms=10 * MINUTE)
    assert to_come(ticket(requirement=short)) == (TO_NIGHT,)
    assert to_come(ticket(requirement=replace(short, expires_in_ms=10 * MINUTE + 1))) == (REMINDER, TO_NIGHT)


@pytest.mark.parametrize(
    ("after", "routes"),
    [
        (5 * MINUTE - 1, ()),
        (5 * MINUTE, ("night",)),
        (20 * MINUTE - 1, ("night",)),
        (20 * MINUTE, ("leads", "night")),
        (60 * MINUTE, ("leads", "night")),
    ],
)
def test_a_route_belongs_to_a_pending_ticket_from_its_due_time_on(
    after: int, routes: tuple[str, ...]
) -> None:
    assert escalated_to(ticket(requirement=TOLD), CREATED_AT + after) == routes


@pytest.mark.parametrize(("at", "routes"), [(4 * MINUTE, ()), (6 * MINUTE, ("night",))])
def test_after_a_decision_no_route_is_added_whatever_the_time(at: int, routes: tuple[str, ...]) -> None:
    granted = replace(approved(ticket(requirement=TOLD)), approved_at=CREATED_AT + at)
    assert escalated_to(granted, CREATED_AT + 25 * MINUTE) == routes
    ended = replace(granted, approved_at=None, ended_at=CREATED_AT + at)
    assert escalated_to(ended, CREATED_AT + 25 * MINUTE) == routes
    revoked = replace(granted, ended_at=CREATED_AT + 28 * MINUTE)
    assert escalated_to(revoked, CREATED_AT + 29 * MINUTE) == routes, (
        "what counts is the first end of waiting"
    )


def test_an_escalation_that_could_not_come_adds_no_route() -> None:
    short = replace(TOLD, expires_in_ms=10 * MINUTE)
    assert escalated_to(ticket(requirement=short), CREATED_AT + 60 * MINUTE) == ("night",)
