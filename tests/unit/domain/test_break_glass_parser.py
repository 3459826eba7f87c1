"""Reading what a policy says beside `allowed: true` of a break-glass."""

from __future__ import annotations

from typing import Any

import pytest

from authz.domain.break_glass import BreakGlass, BreakGlassParser
from authz.domain.errors import PolicyMalformed
from authz.domain.limits import RequirementLimits

LIMITS = RequirementLimits(text=40, show=2, routes=2)
PARSER = BreakGlassParser(LIMITS, frozenset({"default", "prod", "leads"}))
GLASS: dict[str, Any] = {"group": "sre", "review_within": "24h"}
FULL: dict[str, Any] = {
    "break_glass": GLASS,
    "rule": "night-shift",
    "reason": "the database is down",
    "notify": "prod",
    "cc": ["leads", "prod"],
    "show": [{"title": "Incident", "value": "INC-7"}],
}


def test_every_key_is_read() -> None:
    assert PARSER.parse(FULL) == BreakGlass(
        group="sre",
        review_within_ms=86_400_000,
        rule="night-shift",
        reason="the database is down",
        notify=("prod",),
        cc=("leads", "prod"),
        show=(("Incident", "INC-7"),),
    )


def test_what_is_left_out_has_a_default() -> None:
    least = BreakGlass("sre", 86_400_000, "break-glass", "", ("default",), (), ())
    assert PARSER.parse({"break_glass": GLASS}) == least
    elsewhere = BreakGlassParser(LIMITS, frozenset({"prod"}), notify="prod")
    assert elsewhere.parse({"break_glass": GLASS}).notify == ("prod",)


def test_a_route_is_told_once() -> None:
    assert PARSER.parse({**FULL, "cc": ["leads", "leads"]}).cc == ("leads",)


def glass(**changes: object) -> dict[str, Any]:
    return {"break_glass": {**GLASS, **changes}}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"expires_in": "1h"}, "approval: unknown ["),
        ({"break_glass": None}, "approval.break_glass: "),
        ({"break_glass": ["sre"]}, "approval.break_glass: "),
        (glass(count=2), "approval.break_glass: unknown ["),
        (glass(group=None), "approval.break_glass.group: "),
        (glass(group=""), "approval.break_glass.group: '' must be a group's name"),
        (glass(group="x" * 41), "approval.break_glass.group: 41 characters; 40 is the limit"),
        (glass(review_within=None), "approval.break_glass.review_within: "),
        (
            glass(review_within="721h"),
            "approval.break_glass.review_within: 721h must be more than 0s and at most",
        ),
        ({"rule": "Night"}, "approval.rule: "),
        ({"reason": 7}, "approval.reason: "),
        ({"reason": "x" * 41}, "approval.reason: 41 characters; 40 is the limit"),
        ({"notify": "nowhere"}, "approval.notify: "),
        ({"cc": "leads"}, "approval.cc: "),
        ({"cc": ["leads", "prod", "default"]}, "approval.cc: 3 entries; 2 is the limit"),
        ({"cc": ["nowhere"]}, "approval.cc: "),
        ({"show": {}}, "approval.show: "),
        ({"show": [{"title": "a", "value": "b"}] * 3}, "approval.show: 3 entries; 2 is the limit"),
        (
            {"show": [{"title": "x" * 41, "value": ""}]},
            "approval.show[0].title: 41 characters; 40 is the limit",
        ),
    ],
)
def test_what_cannot_be_obeyed_is_named_and_lets_nothing_through(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(PolicyMalformed) as malformed:
        PARSER.parse({"break_glass": GLASS, **fields})
    assert str(malformed.value).startswith(says)


@pytest.mark.parametrize("where", ["group", "review_within"])
def test_who_may_and_until_when_has_to_be_said(where: str) -> None:
    lacking = {name: value for name, value in GLASS.items() if name != where}
    with pytest.raises(PolicyMalformed, match=rf"^approval\.break_glass\.{where}: "):
        PARSER.parse({"break_glass": lacking})
