"""Several demands for one request are as strict together as each of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.requirement import Escalation, Redeem, Requirement, Risk
from authz.domain.requirement_combining import combine
from tests.support.requirements import requirement

SRE = requirement(rule="delete-production")
SECURITY = requirement(Approver(ApproverKind.GROUP, "security"), rule="on-sunday")


def both(first: dict[str, Any], second: dict[str, Any]) -> Requirement:
    """Combine two demands that differ in these fields, and see that the order makes no difference to any of them."""
    one, other = replace(SRE, **first), replace(SECURITY, **second)
    together = combine([one, other])
    turned = combine([other, one])
    for name in {*first, *second} - {"notify", "cc", "escalations", "show"}:
        assert getattr(together, name) == getattr(turned, name)
    return together


def test_one_demand_alone_is_left_as_it_is() -> None:
    alone = replace(SRE, scope="kubectl", wait_ms=7, notify=("b", "a", "b"))
    assert combine([alone]) is alone


def test_every_demand_stays_in_its_order() -> None:
    assert combine([SRE, SECURITY]).demands == (*SRE.demands, *SECURITY.demands)


@pytest.mark.parametrize("name", ["expires_in_ms", "uses", "valid_for_ms", "wait_ms"])
def test_of_durations_and_uses_the_smaller_counts(name: str) -> None:
    assert getattr(both({name: 7}, {name: 5}), name) == 5


@pytest.mark.parametrize(
    ("first", "second", "after"), [(0, 0, 0), (0, 60_000, 60_000), (90_000, 60_000, 60_000)]
)
def test_the_first_reminder_counts_and_none_is_no_reminder(first: int, second: int, after: int) -> None:
    assert both({"remind_after_ms": first}, {"remind_after_ms": second}).remind_after_ms == after


@pytest.mark.parametrize(
    ("first", "second", "scope"),
    [("kubectl", "kubectl", "kubectl"), ("kubectl", "", ""), ("kubectl", "other", "")],
)
def test_a_session_is_granted_only_where_all_grant_the_same(first: str, second: str, scope: str) -> None:
    assert both({"scope": first}, {"scope": second}).scope == scope


def test_what_any_binds_is_bound_once_and_sorted() -> None:
    together = both({"bind_headers": ("x-tenant", "x-b")}, {"bind_headers": ("x-a", "x-tenant")})
    assert together.bind_headers == ("x-a", "x-b", "x-tenant")


@pytest.mark.parametrize(
    ("first", "second", "bound"), [(True, True, True), (True, False, True), (False, False, False)]
)
def test_a_body_is_unbound_only_where_all_leave_it_so(first: bool, second: bool, bound: bool) -> None:
    assert both({"bind_body": first}, {"bind_body": second}).bind_body is bound


@pytest.mark.parametrize(
    ("first", "second", "ignored"),
    [
        ({"body_ignores": ("/a", "/b")}, {"body_ignores": ("/b", "/c")}, ("/b",)),
        ({"body_ignores": ("/a",)}, {}, ()),
        ({"body_ignores": ("/a",)}, {"bind_body": False}, ("/a",)),
        ({"bind_body": False}, {"bind_body": False}, ()),
    ],
)
def test_of_a_body_only_what_all_that_bind_it_ignore_may_differ(
    first: dict[str, Any], second: dict[str, Any], ignored: tuple[str, ...]
) -> None:
    assert both(first, second).body_ignores == ignored


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("notify", "prod", "sre"),
        ("cc", "prod", "sre"),
        ("show", ("Cluster", "prod"), ("Team", "sre")),
        ("escalations", Escalation(60_000, "prod"), Escalation(60_000, "sre")),
    ],
)
def test_everybody_is_told_and_everything_shown_once_in_the_order_of_the_demands(
    name: str, first: object, second: object
) -> None:
    together = both({name: (first, second)}, {name: (second, first)})
    assert getattr(together, name) == (first, second)
    assert getattr(both({name: (first,)}, {name: (second,)}), name) == (first, second)


@pytest.mark.parametrize(
    ("first", "second", "risk"),
    [
        (Risk.NORMAL, Risk.NORMAL, Risk.NORMAL),
        (Risk.NORMAL, Risk.HIGH, Risk.HIGH),
        (Risk.HIGH, Risk.HIGH, Risk.HIGH),
    ],
)
def test_the_highest_risk_counts(first: Risk, second: Risk, risk: Risk) -> None:
    assert both({"risk": first}, {"risk": second}).risk is risk


@pytest.mark.parametrize(
    ("first", "second", "wanted"), [(False, False, False), (False, True, True), (True, True, True)]
)
def test_a_justification_is_wanted_where_any_wants_it(first: bool, second: bool, wanted: bool) -> None:
    together = both({"justification_required": first}, {"justification_required": second})
    assert together.justification_required is wanted


@pytest.mark.parametrize(
    ("first", "second", "redeem"),
    [
        (Redeem.REPEAT, Redeem.REPEAT, Redeem.REPEAT),
        (Redeem.REPEAT, Redeem.HEADER, Redeem.HEADER),
        (Redeem.HEADER, Redeem.HEADER, Redeem.HEADER),
    ],
)
def test_the_token_is_needed_where_any_needs_it(first: Redeem, second: Redeem, redeem: Redeem) -> None:
    assert both({"redeem": first}, {"redeem": second}).redeem is redeem
