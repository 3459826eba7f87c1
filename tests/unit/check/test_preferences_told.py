"""What a client is told of its preferences, and what the upstream gets of them."""

from __future__ import annotations

import pytest

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.header_mutation import Mutations
from authz.domain.prefer import Preferences
from authz.services.check.call import Outcome
from authz.services.check.preference import asynchronous, honoured

HELD = Outcome(Kind.HOLD, Respond(202, (("a", "b"),), b""))
FORWARDED = Outcome(Kind.ALLOW, Forward(Mutations(headers=(("x-a", "1"),), response_headers=(("x-b", "2"),))))


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Preferences(respond_async=True), True),
        (Preferences(), False),
        (Preferences(wait=5), False),
        (Preferences(wait=5, respond_async=True), False),
    ],
)
def test_who_prefers_not_to_wait_is_told_that_it_was_heeded(wanted: Preferences, told: bool) -> None:
    """Whoever named a time as well preferred that, and whoever preferred nothing is told nothing."""
    applied = (("preference-applied", "respond-async"),)
    assert asynchronous(HELD, wanted).answer == Respond(202, (("a", "b"), *(applied if told else ())), b"")


def test_the_time_that_was_waited_at_most_is_told_in_whole_seconds() -> None:
    wanted = Preferences(wait=30)
    assert honoured(HELD, wanted, 7.9).answer == Respond(
        202, (("a", "b"), ("preference-applied", "wait=7")), b""
    )
    assert honoured(HELD, Preferences(), 7.9) is HELD


@pytest.mark.parametrize(
    ("others", "headers", "removed"),
    [
        ((), (("x-a", "1"),), ("prefer",)),
        (("return=minimal",), (("x-a", "1"), ("prefer", "return=minimal")), ()),
        (("return=minimal", "a=b"), (("x-a", "1"), ("prefer", "return=minimal, a=b")), ()),
        (("\xe4",), (("x-a", "1"),), ()),
    ],
)
def test_the_upstream_gets_the_other_preferences_in_one_list(
    others: tuple[str, ...], headers: tuple[tuple[str, str], ...], removed: tuple[str, ...]
) -> None:
    """What isn't ASCII can't be written anew, and stays as it came."""
    answer = honoured(FORWARDED, Preferences(wait=30, others=others), 30.0).answer
    assert isinstance(answer, Forward)
    assert (answer.mutations.headers, answer.mutations.remove_headers) == (headers, removed)
    assert answer.mutations.response_headers == (("x-b", "2"), ("preference-applied", "wait=30"))


def test_a_prefer_that_the_policy_sets_is_left_alone() -> None:
    policys = Outcome(Kind.ALLOW, Forward(Mutations(headers=(("Prefer", "return=minimal"),))))
    answer = honoured(policys, Preferences(wait=30, others=("a=b",)), 30.0).answer
    assert isinstance(answer, Forward)
    assert (answer.mutations.headers, answer.mutations.remove_headers) == (
        (("Prefer", "return=minimal"),),
        (),
    )
