from __future__ import annotations

import re
from pathlib import Path

import pytest

from authz.domain.client_view import OF_STATE
from authz.domain.problems import TYPE_PREFIX, Problem
from authz.domain.ticket import State

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "problems.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## `([a-z-]+)`\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.name)
def test_every_problem_is_documented_as_it_is_sent(problem: Problem) -> None:
    """Type, status, title and detail, word for word."""
    section = SECTIONS[problem.value.slug]
    assert f"`{problem.value.uri}`" in section
    assert f"**{problem.value.status}** {problem.value.title}" in section
    assert f"> {problem.value.detail}" in section
    assert f"(problems/{problem.value.slug}.md)" in section


def test_nothing_else_is_documented() -> None:
    """A page about what isn't sent any more misleads."""
    assert SECTIONS.keys() == {problem.value.slug for problem in Problem}


def test_types_are_stable_and_one_of_a_kind() -> None:
    """Clients compare them. A change here is a change of the contract."""
    assert [problem.value.uri.removeprefix(TYPE_PREFIX) for problem in Problem] == [
        "held",
        "ticket-refused",
        "rejected",
        "expired",
        "lapsed",
        "cancelled",
        "superseded",
        "revoked",
        "used-up",
        "request-changed",
        "approval-insufficient",
        "not-permitted",
        "ticket-over",
        "cancel-not-permitted",
        "break-glass-refused",
        "justification-required",
        "bad-request",
        "not-found",
        "method-not-allowed",
        "body-not-visible",
        "too-many-tickets",
        "break-glass-exhausted",
        "principal-unknown",
        "unavailable",
    ]
    assert TYPE_PREFIX == "urn:holdgate:problem:"


def test_every_end_of_a_ticket_has_a_problem() -> None:
    """A 403 for each terminal state."""
    assert OF_STATE.keys() == {state for state in State if not state.live}
    assert {problem.value.status for problem in OF_STATE.values()} == {403}


@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.name)
def test_a_detail_is_advice_in_whole_sentences(problem: Problem) -> None:
    """A person or an agent can act on it."""
    assert problem.value.detail.endswith(".")
    assert 400 <= problem.value.status < 600 or problem is Problem.HELD
