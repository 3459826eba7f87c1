from __future__ import annotations

import pytest
from google.protobuf.json_format import Parse

from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.sample_reviews import GLASS, review_draft, used_at
from tests.support.sample_tickets import BODY
from tests.unit.cli.conftest import Holdgate
from tests.unit.cli.management_thread import ManagementThread


@pytest.fixture
def used(api: ManagementThread) -> str:
    """Return the id of alice's use of break-glass."""
    api.run(api.reviews.break_glass(review_draft(), used_at(1), BODY))
    api.store.bodies[review_draft().id] = BODY
    return review_draft().id


def test_open_reviews_are_listed_and_late_ones_marked(
    holdgate: Holdgate, api: ManagementThread, used: str
) -> None:
    assert "OVERDUE" not in holdgate("tickets", "reviews", "--as", "bob").stdout
    api.reviews.now += GLASS.review_within_ms
    heading, line = holdgate("tickets", "reviews", "--as", "bob").stdout.splitlines()
    assert heading.split() == ["ID", "DUE", "RULE", "USED", "BY", "REQUEST"]
    assert line.startswith(used)
    assert " OVERDUE " in line
    listed = Parse(holdgate("tickets", "reviews", "--as", "bob", "--json").stdout, wire.ListReviewsResponse())
    assert [(one.id, one.overdue) for one in listed.reviews] == [(used, True)]


def test_nothing_open_is_said(holdgate: Holdgate) -> None:
    result = holdgate("tickets", "reviews", "--as", "bob")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Nothing waits for a review.\n")


def test_a_review_is_shown_and_nothing_changes(holdgate: Holdgate, api: ManagementThread, used: str) -> None:
    lines = holdgate("tickets", "review", "--as", "bob", used).stdout.splitlines()
    for line in (
        "used by   alice (alice-1 of https://idp.example)",
        "as one of sre",
        "request   DELETE https://api.example/resources/db-orders?force=true",
        "they say  paged at three, orders are failing",
        "fact      Incident: INC-7",
        '  | {"why": "cleanup"}',
    ):
        assert line in lines
    assert api.reviews.kept[used].done_at is None


def test_a_comment_finishes_it(holdgate: Holdgate, api: ManagementThread, used: str) -> None:
    result = holdgate("tickets", "review", "--as", "bob", "--comment", "was needed", used)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{used}: reviewed at ")
    assert result.stdout.endswith(" by bob (bob-1 of https://idp.example): was needed\n")
    assert api.reviews.kept[used].done_at is not None
    again = holdgate("tickets", "review", "--as", "carol", "--comment", "me too", used)
    assert (again.exit_code, again.stderr) == (1, "holdgate: Somebody has reviewed this already.\n")


@pytest.mark.parametrize(
    ("name", "identifier", "code", "sentence"),
    [
        ("alice", "", 1, "You did this yourself, so somebody else has to look at it."),
        ("bob", "nonsense", 3, "There is no such review."),
    ],
)
def test_a_refused_finding_says_why(
    holdgate: Holdgate, api: ManagementThread, used: str, name: str, identifier: str, code: int, sentence: str
) -> None:
    result = holdgate("tickets", "review", "--as", name, "--comment", "fine", identifier or used)
    assert (result.exit_code, result.stderr) == (code, f"holdgate: {sentence}\n")
    assert api.reviews.kept[used].done_at is None
