from __future__ import annotations

from typing import Any

import pytest

from authz.domain import requirement_parser
from authz.domain.errors import PolicyMalformed
from authz.domain.identity import Identity
from authz.domain.limits import RequirementLimits
from authz.domain.requirement import Approver, ApproverKind, Requirement
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser

SRE = Approver(ApproverKind.GROUP, group="sre")
ROUTES = frozenset({"default", "prod-changes"})
PARSER = RequirementParser(RequirementDefaults(approvers=(SRE,)), RequirementLimits(), ROUTES)
LEAST = {"rule": "delete-production"}
FULL = {
    "rule": "delete-production",
    "reason": "deletes a production resource",
    "approvers": [
        {"group": "sre", "count": 2},
        {"user": {"ns": "iss", "id": "carol-1"}},
        {"any": True},
    ],
    "expires_in": "1h",
    "grant": {"uses": 3, "valid_for": "90s"},
    "bind": {"headers": ["X-Tenant", "x-env", "x-tenant"], "body": False},
    "notify": "prod-changes",
    "show": [{"title": "Cluster", "value": "prod-eu"}],
}


def parse(**fields: object) -> Requirement:
    return PARSER.parse({**LEAST, **fields})


def test_a_rule_alone_gets_the_defaults() -> None:
    """One approval by the settings' approvers, 30 minutes, one use, 15 minutes, everything bound."""
    assert PARSER.parse(LEAST) == Requirement(
        rule="delete-production",
        reason="",
        approvers=(SRE,),
        expires_in_ms=1_800_000,
        uses=1,
        valid_for_ms=900_000,
        bind_headers=(),
        bind_body=True,
        notify="default",
        show=(),
    )


def test_every_key_is_read() -> None:
    """Nothing of a demand is dropped."""
    parsed = PARSER.parse(FULL)
    assert parsed == Requirement(
        rule="delete-production",
        reason="deletes a production resource",
        approvers=(
            Approver(ApproverKind.GROUP, group="sre", count=2),
            Approver(ApproverKind.USER, user=Identity("iss", "carol-1")),
            Approver(ApproverKind.ANY),
        ),
        expires_in_ms=3_600_000,
        uses=3,
        valid_for_ms=90_000,
        bind_headers=("x-env", "x-tenant"),
        bind_body=False,
        notify="prod-changes",
        show=(("Cluster", "prod-eu"),),
    )
    assert parsed.seats == 4


LONG = "x" * 501
TYPES: list[object] = [None, 7, 1.5, True, "text", [], {}, ["x"], {"x": 1}]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reason": 7}, "approval.reason: 7"),
        ({"reason": None}, "approval.reason: None"),
        ({"reason": LONG}, "approval.reason: 501 characters; 500"),
        ({"approvers": None}, "approval.approvers: None"),
        ({"approvers": {}}, "approval.approvers: {}"),
        ({"approvers": "sre"}, "approval.approvers: 'sre'"),
        ({"approvers": []}, "approval.approvers: an empty list could never be satisfied"),
        ({"approvers": ["sre"]}, "approval.approvers[0]: 'sre'"),
        ({"approvers": [{}]}, "approval.approvers[0]: name exactly one of"),
        ({"approvers": [{"group": "a", "any": True}]}, "approval.approvers[0]: name exactly one of"),
        ({"approvers": [{"group": "a"}, {"groups": "b"}]}, "approval.approvers[1]: unknown ['groups']"),
        ({"approvers": [{"group": ""}]}, "approval.approvers[0].group: ''"),
        ({"approvers": [{"group": 7}]}, "approval.approvers[0].group: 7"),
        ({"approvers": [{"group": LONG}]}, "approval.approvers[0].group: 'xxx"),
        ({"approvers": [{"any": False}]}, "approval.approvers[0].any: only true makes sense; got False"),
        ({"approvers": [{"any": 1}]}, "approval.approvers[0].any: only true makes sense; got 1"),
        ({"approvers": [{"user": "carol"}]}, "approval.approvers[0].user: 'carol' must be an object"),
        ({"approvers": [{"user": {"ns": "i"}}]}, "approval.approvers[0].user: both ns and id"),
        ({"approvers": [{"user": {"ns": "", "id": "c"}}]}, "approval.approvers[0].user: both ns and id"),
        (
            {"approvers": [{"user": {"ns": "i", "id": "c" * 513}}]},
            "approval.approvers[0].user: both ns and id",
        ),
        ({"approvers": [{"user": {"ns": "i", "id": "c", "name": "x"}}]}, "user: unknown ['name']"),
        ({"approvers": [{"user": {"ns": "i", "id": "c"}, "count": 2}]}, "one user is one approval; got 2"),
        ({"approvers": [{"group": "a", "count": 21}]}, "approval.approvers[0].count: 21"),
        ({"approvers": [{"group": "a", "count": 20}, {"any": True}]}, "21 approvals are demanded; 20"),
        ({"approvers": [{"any": True}] * 21}, "approval.approvers: 21 entries; 20"),
        ({"expires_in": None}, "approval.expires_in: None"),
        ({"expires_in": 30}, "approval.expires_in: 30"),
        ({"expires_in": "30"}, "approval.expires_in: '30' is not a duration"),
        ({"expires_in": "0s"}, "approval.expires_in: 0s must be more than 0s"),
        ({"expires_in": "-1s"}, "approval.expires_in: '-1s' is not a duration"),
        ({"expires_in": "168h1ms"}, "approval.expires_in: 168h1ms must be more than 0s and at most 168h"),
        ({"grant": None}, "approval.grant: None"),
        ({"grant": {"use": 1}}, "approval.grant: unknown ['use']"),
        ({"grant": {"scope": "session"}}, "approval.grant: unknown ['scope']"),
        ({"grant": {"valid_for": None}}, "approval.grant.valid_for: None"),
        ({"grant": {"valid_for": "0s"}}, "approval.grant.valid_for: 0s"),
        (
            {"grant": {"valid_for": "24h1ms"}},
            "approval.grant.valid_for: 24h1ms must be more than 0s and at most 24h",
        ),
        ({"grant": {"uses": 1001}}, "approval.grant.uses: 1001 must be a whole number from 1 to 1000"),
        ({"bind": []}, "approval.bind: []"),
        ({"bind": {"query": False}}, "approval.bind: unknown ['query']"),
        ({"bind": {"headers": "x-tenant"}}, "approval.bind.headers: 'x-tenant' must be an array"),
        ({"bind": {"headers": [7]}}, "approval.bind.headers: 7 is not a header name"),
        ({"bind": {"headers": ["x tenant"]}}, "approval.bind.headers: 'x tenant' is not a header name"),
        ({"bind": {"headers": [""]}}, "approval.bind.headers: '' is not a header name"),
        ({"bind": {"headers": [":path"]}}, "approval.bind.headers: ':path' is not a header name"),
        ({"bind": {"headers": ["X-Approval-Ticket"]}}, "is Holdgate's own"),
        ({"bind": {"headers": ["x_approval_by"]}}, "is Holdgate's own"),
        ({"bind": {"headers": ["x"] * 33}}, "approval.bind.headers: 33 entries; 32"),
        ({"bind": {"body": "false"}}, "approval.bind.body: 'false' must be true or false"),
        ({"bind": {"body": 0}}, "approval.bind.body: 0 must be true or false"),
        ({"bind": {"body": None}}, "approval.bind.body: None must be true or false"),
        (
            {"notify": "nowhere"},
            "approval.notify: no route 'nowhere' in the settings; there are ['default', ",
        ),
        ({"notify": None}, "approval.notify: no route None"),
        ({"notify": ["default"]}, "approval.notify: no route ['default']"),
        ({"show": {}}, "approval.show: {}"),
        ({"show": [{"title": "a", "value": "b"}] * 11}, "approval.show: 11 entries; 10"),
        ({"show": ["x"]}, "approval.show[0]: 'x'"),
        ({"show": [{"title": "a"}]}, "approval.show[0].value: None"),
        ({"show": [{"title": "a", "value": 3}]}, "approval.show[0].value: 3"),
        ({"show": [{"title": "a", "value": LONG}]}, "approval.show[0].value: 501 characters"),
        ({"show": [{"title": "a", "value": "b", "url": "c"}]}, "approval.show[0]: unknown ['url']"),
        ({"expires": "30m"}, "approval: unknown ['expires']; known are ['approvers', "),
        ({"wait": "5s"}, "approval: unknown ['wait']"),
    ],
)
def test_what_is_unclear_is_an_error_that_names_rule_field_and_value(
    fields: dict[str, object], says: str
) -> None:
    """Never a default instead: it might be a weaker hold than was meant."""
    with pytest.raises(PolicyMalformed) as malformed:
        parse(**fields)
    assert str(malformed.value).startswith("rule delete-production: ")
    assert says in str(malformed.value)


@pytest.mark.parametrize("count", [0, -1, 1.5, 1.0, True, False, None, "1", [1], 10**30, float("nan")])
@pytest.mark.parametrize("where", ["approvers", "grant"])
def test_a_count_is_a_whole_number_from_one(where: str, count: object) -> None:
    """A quorum of 0 fails open (OpenBao #3666), and true is not 1."""
    fields: dict[str, Any] = {
        "approvers": {"approvers": [{"group": "sre", "count": count}]},
        "grant": {"grant": {"uses": count}},
    }
    with pytest.raises(PolicyMalformed, match="must be a whole number from 1 to"):
        parse(**fields[where])


def test_a_count_of_nothing_would_pass_without_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the refusal comes from `_count` alone."""
    monkeypatch.setattr(requirement_parser, "_count", lambda value, _where, _limit: value)
    assert parse(approvers=[{"group": "sre", "count": 0}]).seats == 0


@pytest.mark.parametrize(
    "rule", [*TYPES, "", "-a", "a-", "A", "a b", "a_b", "\u00e9", "a" * 65, "a\n", "x" * 10_000]
)
def test_a_rule_needs_a_slug(rule: object) -> None:
    """Quotas, metrics and reports are keyed by it."""
    if rule == "text":
        assert PARSER.parse({"rule": rule}).rule == "text"
        return
    with pytest.raises(PolicyMalformed, match=r"approval\.rule") as malformed:
        PARSER.parse({"rule": rule})
    assert len(str(malformed.value)) < 300


@pytest.mark.parametrize("demand", [None, True, 7, "hold", [], [LEAST]])
def test_a_demand_is_an_object(demand: object) -> None:
    """An array of demands isn't understood yet, and so refused."""
    with pytest.raises(PolicyMalformed, match="must be an object"):
        PARSER.parse(demand)


@pytest.mark.parametrize("key", sorted(FULL.keys() - {"rule"}))
@pytest.mark.parametrize("value", TYPES)
def test_a_wrong_type_is_never_anything_but_a_policy_error(key: str, value: object) -> None:
    """Whatever stands there, the parser either takes it to the letter or says so."""
    try:
        parsed = parse(**{key: value})
    except PolicyMalformed as malformed:
        assert f"approval.{key}" in str(malformed)  # noqa: PT017 - both ways are right
    else:
        assert (key, value) in [("reason", "text"), ("grant", {}), ("bind", {}), ("show", [])]
        assert parsed.seats >= 1


def test_no_approvers_and_no_default_is_an_error() -> None:
    """A hold that nobody may end isn't a hold."""
    strict = RequirementParser(RequirementDefaults(), RequirementLimits(), ROUTES)
    with pytest.raises(PolicyMalformed, match="HOLDGATE_DEFAULT_APPROVERS is not set"):
        strict.parse(LEAST)
    assert strict.parse({**LEAST, "approvers": [{"any": True}]}).seats == 1


def test_an_error_stays_short_whatever_the_policy_says() -> None:
    """It goes to a log line."""
    for fields in (
        {"approvers": [{"group": ["x" * 10_000]}]},
        {"expires_in": "1" * 10_000},
        {"notify": "x" * 10_000},
        {"x" * 10_000: 1},
        {"bind": {"headers": ["x " * 10_000]}},
    ):
        with pytest.raises(PolicyMalformed) as malformed:
            parse(**fields)
        assert len(str(malformed.value)) < 500
