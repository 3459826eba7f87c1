from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.request import CheckId
from authz.domain.ticket import REPLAY_WINDOW_MS, REPLAYS_MAX, Redemption, State, Ticket
from tests.support.sample_tickets import REQUEST, approved, ended, ticket

PENDING = ticket()
APPROVED = approved(PENDING)
CHECK = CheckId("77", 5)
AT = 1_700_000_100_000


def used(*, replays: int = 0, check: CheckId = CHECK) -> Ticket:
    return replace(ended(APPROVED, State.USED_UP), redemptions=(Redemption(check, AT, replays),))


def test_a_deadline_counts_to_the_millisecond() -> None:
    """Whether or not anybody has stored it yet."""
    assert PENDING.state_at(PENDING.expires_at - 1) is State.PENDING
    assert PENDING.state_at(PENDING.expires_at) is State.EXPIRED
    until = APPROVED.window_until or 0
    assert APPROVED.state_at(until - 1) is State.APPROVED
    assert APPROVED.state_at(until) is State.LAPSED


@pytest.mark.parametrize("state", [state for state in State if not state.live])
def test_a_terminal_state_absorbs(state: State) -> None:
    """No time makes anything else of it."""
    assert ended(PENDING, state).state_at(2**53) is state


def test_an_approval_outlives_the_time_to_approve() -> None:
    """The deadline for votes is not the end of the grant."""
    late = replace(APPROVED, window_until=PENDING.expires_at + 10)
    assert late.state_at(PENDING.expires_at + 1) is State.APPROVED


def test_two_states_can_change() -> None:
    """The others are ends."""
    assert {state for state in State if state.live} == {State.PENDING, State.APPROVED}


@pytest.mark.parametrize(
    ("check", "replays", "later", "again"),
    [
        (CHECK, 0, 0, True),
        (CHECK, REPLAYS_MAX - 1, REPLAY_WINDOW_MS, True),
        (CHECK, REPLAYS_MAX, 0, False),
        (CHECK, 0, REPLAY_WINDOW_MS + 1, False),
        (CheckId("78", 5), 0, 0, False),
        (CheckId("77", 6), 0, 0, False),
        (CheckId("", 5), 0, 0, False),
    ],
)
def test_a_check_is_replayed_a_few_times_for_a_short_while(
    check: CheckId, replays: int, later: int, *, again: bool
) -> None:
    """Envoy's retry of one RPC is byte-identical in id and time; anything else is another request."""
    assert used(replays=replays).replayable(check, AT + later) is again


def test_an_empty_id_is_never_the_same() -> None:
    """Not even as another empty one."""
    assert not used(check=CheckId("", 5)).replayable(CheckId("", 5), AT)


def test_the_target_is_what_was_sent() -> None:
    """A `?` with nothing behind it included."""
    assert replace(REQUEST, path="/a%2F", query="b=%20").target == "/a%2F?b=%20"
    assert replace(REQUEST, path="/a", query="").target == "/a?"
    assert replace(REQUEST, path="/a", query=None).target == "/a"
