"""What a held request waits for, and for whom it is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.ticket import State
from authz.services.check.awaited import awaited
from tests.support.sample_tickets import CREATED_AT, approved, ended, ticket

HELD = ticket()


def test_those_who_wait_are_counted_by_whose_ticket_it_is() -> None:
    mine = awaited(HELD, CREATED_AT)
    nobodys = awaited(replace(HELD, draft=replace(HELD.draft, quota_key="address:192.0.2.1")), CREATED_AT)
    assert mine is not None
    assert nobodys is not None
    assert mine.whose == str(HELD.draft.requester.identity)
    assert nobodys.whose == "address:192.0.2.1"


def test_there_is_something_to_wait_for_until_the_last_moment() -> None:
    last = awaited(HELD, HELD.expires_at - 1)
    assert last is not None
    assert (last.left_ms, last.approved) == (1, False)
    assert awaited(HELD, HELD.expires_at) is None


def test_what_is_approved_can_be_used_until_its_window_ends() -> None:
    granted = approved(HELD)
    assert granted.window_until is not None
    left = awaited(granted, granted.window_until - 7)
    assert left is not None
    assert (left.left_ms, left.approved) == (7, True)


@pytest.mark.parametrize("state", [state for state in State if not state.live])
def test_nothing_changes_any_more_at_an_end(state: State) -> None:
    assert awaited(ended(HELD, state), CREATED_AT) is None
