from __future__ import annotations

from authz.domain.errors import PolicyMalformed, VoteRefused
from authz.entrypoints.management import refusal
from authz.entrypoints.management.refusal import refusal_of
from tests.support.refusal_codes import refusal_codes

CODES = refusal_codes("domain", "services")


def test_the_codes_are_found() -> None:
    assert {"own-request", "sign-in-too-weak", "not-permitted", "unknown-review", "already-reviewed"} <= CODES


def test_every_code_has_a_status_chosen_for_it_and_no_status_is_for_none() -> None:
    assert set(refusal._OF_VOTE) == CODES


def test_a_code_of_a_later_release_is_a_refusal_still() -> None:
    unknown = refusal_of(VoteRefused("not-there-yet", "Later."))
    assert (unknown.status.name, unknown.reason) == ("PERMISSION_DENIED", "not-there-yet")


def test_a_rule_without_a_usable_answer_shows_nothing_of_itself() -> None:
    refused = refusal_of(PolicyMalformed("holdgate/vote answered {'allow': 'secret-7f'}"))
    assert (refused.status.name, refused.reason, refused.retry) == ("UNAVAILABLE", "rule-malformed", False)
    assert "Nothing was recorded" in refused.message
    assert "secret-7f" not in refused.message
