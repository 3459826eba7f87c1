"""The last value that a policy's field may have, and the first that it may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authz.domain import policy_fields as read
from authz.domain.errors import PolicyMalformed

WHERE = "approval.x"


@pytest.mark.parametrize(
    ("reads", "within", "beyond"),
    [
        (lambda value: read.duration(value, WHERE, 60_000), "1ms", "0s"),
        (lambda value: read.duration(value, WHERE, 60_000), "1m", "60001ms"),
        (lambda value: read.duration(value, WHERE, 60_000, least=0), "0s", "-1ms"),
        (lambda value: read.count(value, WHERE, 3), 1, 0),
        (lambda value: read.count(value, WHERE, 3), 3, 4),
        (lambda value: read.text(value, WHERE, 3), "abc", "abcd"),
        (lambda value: read.array(value, WHERE, 2), [1, 2], [1, 2, 3]),
        (lambda value: read.slug(value, WHERE), "a" * 64, "a" * 65),
        (lambda value: read.slug(value, WHERE), "a", ""),
        (lambda value: read.lines(value, WHERE, 1, 3), [{"title": "abc", "value": "abc"}], [{"title": "a"}]),
    ],
)
def test_a_bound_is_allowed_and_nothing_beyond(
    reads: Callable[[object], object], within: object, beyond: object
) -> None:
    reads(within)
    with pytest.raises(PolicyMalformed, match=r"^approval\.x"):
        reads(beyond)


@pytest.mark.parametrize(("number", "said"), [(5, "'e'];"), (6, "'e'] and 1 more;"), (9, "'e'] and 4 more;")])
def test_of_many_unknown_keys_five_are_named(number: int, said: str) -> None:
    """The error goes to a log line."""
    with pytest.raises(PolicyMalformed) as malformed:
        read.only(dict.fromkeys("abcdefghi"[:number]), frozenset({"known"}), WHERE)
    assert str(malformed.value) == f"approval.x: unknown ['a', 'b', 'c', 'd', {said} known are ['known']"


def test_a_known_key_is_no_error_beside_others_and_alone() -> None:
    read.only({"known": 1}, frozenset({"known", "other"}), WHERE)
    read.only({}, frozenset(), WHERE)


@pytest.mark.parametrize(("least", "bound"), [(0, "at least 0s"), (1, "more than 0s")])
def test_the_lower_bound_is_told_as_it_is(least: int, bound: str) -> None:
    with pytest.raises(PolicyMalformed) as malformed:
        read.duration("2m", WHERE, 60_000, least=least)
    assert str(malformed.value) == f"approval.x: 2m must be {bound} and at most 1m"
