from __future__ import annotations

from typing import Any

import pytest

from authz.domain import policy_fields
from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import PolicyMalformed
from authz.domain.identity import Identity
from authz.domain.limits import RequirementLimits
from authz.domain.requirement import Demand, Escalation, Redeem, Requirement, Risk
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from tests.support.requirements import seats_of

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
        demands=(Demand("delete-production", "", ((SRE,),)),),
        expires_in_ms=1_800_000,
        uses=1,
        valid_for_ms=900_000,
    )


def test_every_key_is_read() -> None:
    """Nothing of a demand is dropped."""
    parsed = PARSER.parse(FULL)
    seats = (
        Approver(ApproverKind.GROUP, group="sre", count=2),
        Approver(ApproverKind.USER, user=Identity("iss", "carol-1")),
        Approver(ApproverKind.ANY),
    )
    assert parsed == Requirement(
        demands=(Demand("delete-production", "deletes a production resource", (seats,)),),
        expires_in_ms=3_600_000,
        uses=3,
        valid_for_ms=90_000,
        bind_headers=("x-env", "x-tenant"),
        bind_body=False,
        notify=("prod-changes",),
        show=(("Cluster", "prod-eu"),),
    )


LONG = "x" * 501
TYPES: list[object] = [None, 7, 1.5, True, "text", [], {}, ["x"], {"x": 1}]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reason": 7}, "approval.reason: 7"),
        ({"reason": None}, "approval.reason: None"),
        ({"reason": LONG}, "approval.reason: 501 characters; 500"),
        ({"approvers": None}, "approval.approvers: None"),
        ({"approvers": {}}, "approval.approvers.one_of: None"),
        ({"approvers": {"any_of": []}}, "approval.approvers: unknown ['any_of']"),
        ({"approvers": {"one_of": [[{"any": True}]]}}, "approval.approvers.one_of: 1 alternatives"),
        ({"approvers": {"one_of": [[{"any": True}]] * 6}}, "approval.approvers.one_of: 6 entries; 5"),
        ({"approvers": {"one_of": [[{"any": True}], []]}}, "approval.approvers.one_of[1]: an empty list"),
        ({"approvers": "sre"}, "approval.approvers: 'sre'"),
        ({"approvers": []}, "approval.approvers: an empty list could never be satisfied"),
        ({"approvers": ["sre"]}, "approval.approvers[0]: 'sre'"),
        ({"approvers": [{}]}, "approval.approvers[0]: name exactly one of"),
        ({"approvers": [{"group": "a", "any": True}]}, "approval.approvers[0]: name exactly one of"),
        ({"approvers": [{"group": "a"}, {"groups": "b"}]}, "approval.approvers[1]: unknown ['groups']"),
        ({"approvers": [{"group": ""}]}, "approval.approvers[0].group: ''"),
        ({"approvers": [{"group": 7}]}, "approval.approvers[0].group: 7"),
        ({"approvers": [{"group": LONG}]}, "approval.approvers[0].group: a string of 501 characters must be"),
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
        ({"grant": {"scope": "a b"}}, "approval.grant.scope: a string of 3 characters must be a slug"),
        ({"grant": {"scope": "session"}, "bind": {}}, "approval.bind: a grant with a scope"),
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
        ({"bind": {"headers": [7]}}, "approval.bind.headers[0]: 7 is not a header name"),
        (
            {"bind": {"headers": ["x tenant"]}},
            "approval.bind.headers[0]: a string of 8 characters is not a header",
        ),
        ({"bind": {"headers": [""]}}, "approval.bind.headers[0]: '' is not a header name"),
        ({"bind": {"headers": [":path"]}}, "approval.bind.headers[0]: ':path' is not a header name"),
        ({"bind": {"headers": ["X-Approval-Ticket"]}}, "is Holdgate's own"),
        ({"bind": {"headers": ["x_approval_by"]}}, "is Holdgate's own"),
        ({"bind": {"headers": ["x"] * 33}}, "approval.bind.headers: 33 entries; 32"),
        ({"bind": {"body": "false"}}, "approval.bind.body: 'false' must be true, false or"),
        ({"bind": {"body": 0}}, "approval.bind.body: 0 must be true, false or"),
        ({"bind": {"body": None}}, "approval.bind.body: None must be true, false or"),
        ({"bind": {"body": {}}}, "approval.bind.body.ignore: None"),
        ({"bind": {"body": {"ignore": [""]}}}, "approval.bind.body.ignore[0]: '' is not a JSON pointer"),
        ({"bind": {"body": {"ignore": ["a"]}}}, "approval.bind.body.ignore[0]: 'a' is not a JSON pointer"),
        (
            {"bind": {"body": {"ignore": ["/a~2"]}}},
            "approval.bind.body.ignore[0]: a string of 4 characters is",
        ),
        ({"bind": {"body": {"ignore": ["/a"] * 17}}}, "approval.bind.body.ignore: 17 entries; 16"),
        (
            {"notify": "nowhere"},
            "approval.notify: 'nowhere' is no route in the settings; there are ['default', ",
        ),
        ({"notify": None}, "approval.notify: None is no route"),
        ({"notify": ["default"]}, "approval.notify: an array of 1 entry is no route"),
        ({"show": {}}, "approval.show: {}"),
        ({"show": [{"title": "a", "value": "b"}] * 11}, "approval.show: 11 entries; 10"),
        ({"show": ["x"]}, "approval.show[0]: 'x'"),
        ({"show": [{"title": "a"}]}, "approval.show[0].value: None"),
        ({"show": [{"title": "a", "value": 3}]}, "approval.show[0].value: 3"),
        ({"show": [{"title": "a", "value": LONG}]}, "approval.show[0].value: 501 characters"),
        ({"show": [{"title": "a", "value": "b", "url": "c"}]}, "approval.show[0]: unknown ['url']"),
        ({"expires": "30m"}, "approval: unknown ['expires']; known are ['approvers', "),
        ({"wait": "5m1s"}, "approval.wait: 5m1s must be at least 0s and at most 5m"),
        ({"cc": "default"}, "approval.cc: 'default' must be an array"),
        ({"cc": ["nowhere"]}, "approval.cc: 'nowhere' is no route"),
        ({"remind_after": "31m"}, "approval.remind_after: 31m must be more than 0s and at most 30m"),
        ({"escalate": {"after": "5m"}}, "approval.escalate.notify: None is no route"),
        ({"escalate": {"notify": "default"}}, "approval.escalate.after: None must be a duration"),
        ({"escalate": {"after": "31m", "notify": "default"}}, "approval.escalate.after: 31m"),
        ({"risk": "low"}, "approval.risk: 'low' must be one of normal, high"),
        ({"justification": True}, "approval.justification: True must be one of optional, required"),
        ({"redeem": "always"}, "approval.redeem: 'always' must be one of header, repeat"),
        ({"break_glass": {}}, "approval: unknown ['break_glass']"),
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
    monkeypatch.setattr(policy_fields, "count", lambda value, _where, _limit: value)
    assert seats_of(parse(approvers=[{"group": "sre", "count": 0}])) == 0


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


@pytest.mark.parametrize("demand", [None, True, 7, "hold", [[LEAST]]])
def test_a_demand_is_an_object(demand: object) -> None:
    """Or an array of them, and of nothing else."""
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
        assert seats_of(parsed) >= 1


def test_no_approvers_and_no_default_is_an_error() -> None:
    """A hold that nobody may end isn't a hold."""
    strict = RequirementParser(RequirementDefaults(), RequirementLimits(), ROUTES)
    with pytest.raises(PolicyMalformed, match="HOLDGATE_DEFAULT_APPROVERS is not set"):
        strict.parse(LEAST)
    assert seats_of(strict.parse({**LEAST, "approvers": [{"any": True}]})) == 1


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


def test_the_new_keys_are_read() -> None:
    """Alternatives, a session, what may differ in a body, and whom to tell when."""
    parsed = parse(
        approvers={"one_of": [[{"group": "sre", "count": 2}], [{"group": "leads"}]]},
        bind={"body": {"ignore": ["/clientToken", "/a~1b/0", "/clientToken"]}},
        cc=["prod-changes", "default", "prod-changes"],
        remind_after="10m",
        escalate={"after": "20m", "notify": "prod-changes"},
        risk="high",
        justification="required",
        redeem="repeat",
        wait="0s",
    )
    (demand,) = parsed.demands
    assert demand.alternatives == (
        (Approver(ApproverKind.GROUP, "sre", count=2),),
        (Approver(ApproverKind.GROUP, "leads"),),
    )
    assert (parsed.bind_body, parsed.body_ignores) == (True, ("/a~1b/0", "/clientToken"))
    assert (parsed.cc, parsed.remind_after_ms) == (("prod-changes", "default"), 600_000)
    assert parsed.escalations == (Escalation(1_200_000, "prod-changes"),)
    assert (parsed.risk, parsed.redeem) == (Risk.HIGH, Redeem.REPEAT)
    assert (parsed.justification_required, parsed.wait_ms) == (True, 0)


def test_a_session_is_as_long_as_its_window() -> None:
    """Only a rule that wants it counts the requests of a session."""
    assert (parse(grant={"scope": "kubectl"}).scope, parse(grant={"scope": "kubectl"}).uses) == (
        "kubectl",
        1000,
    )
    assert parse(grant={"scope": "kubectl", "uses": 5}).uses == 5


def test_a_high_risk_that_no_sign_in_could_meet_is_an_error() -> None:
    """It would be a hold that nobody could end."""
    parser = RequirementParser(RequirementDefaults((SRE,)), RequirementLimits(high_risk=False), ROUTES)
    assert parser.parse(LEAST).risk is Risk.NORMAL
    with pytest.raises(PolicyMalformed, match="HOLDGATE_STRONG_SIGN_IN"):
        parser.parse({**LEAST, "risk": "high"})


def test_several_demands_are_as_strict_as_each_of_them() -> None:
    """Two teams' rules hold both."""
    one = {
        **LEAST,
        "reason": "deletes",
        "expires_in": "1h",
        "grant": {"uses": 3, "valid_for": "1m"},
        "bind": {"headers": ["x-a"], "body": {"ignore": ["/a", "/b"]}},
        "redeem": "repeat",
        "remind_after": "20m",
    }
    other = {
        "rule": "leave-region",
        "approvers": [{"group": "legal"}],
        "expires_in": "10m",
        "grant": {"uses": 5, "valid_for": "30s"},
        "bind": {"headers": ["x-b"], "body": {"ignore": ["/b", "/c"]}},
        "notify": "prod-changes",
        "risk": "high",
        "justification": "required",
        "wait": "5s",
    }
    both = PARSER.parse([one, other])
    assert [demand.rule for demand in both.demands] == ["delete-production", "leave-region"]
    assert (both.rule, both.reason) == ("delete-production+leave-region", "deletes")
    assert (both.expires_in_ms, both.uses, both.valid_for_ms) == (600_000, 3, 30_000)
    assert (both.bind_headers, both.bind_body, both.body_ignores) == (("x-a", "x-b"), True, ("/b",))
    assert (both.notify, both.remind_after_ms, both.wait_ms) == (("default", "prod-changes"), 1_200_000, 0)
    assert (both.risk, both.justification_required, both.redeem) == (Risk.HIGH, True, Redeem.HEADER)
    assert PARSER.parse([one]) == PARSER.parse(one)
    assert PARSER.parse([other, one]).terms == both.terms


def test_a_body_that_one_demand_binds_is_bound() -> None:
    """Another demand's `body: false` doesn't loosen it."""
    loose, strict = {**LEAST, "bind": {"body": False}}, {**LEAST, "bind": {"body": {"ignore": ["/a"]}}}
    both = PARSER.parse([loose, strict])
    assert (both.bind_body, both.body_ignores) == (True, ("/a",))
    assert PARSER.parse([loose, loose]).bind_body is False
    assert PARSER.parse([loose, LEAST]).body_ignores == ()


@pytest.mark.parametrize(
    ("demands", "says"), [([], "an empty array"), ([LEAST] * 9, "approval: 9 entries; 8")]
)
def test_an_array_has_bounds(demands: list[object], says: str) -> None:
    """Nobody demanded would be nobody needed."""
    with pytest.raises(PolicyMalformed, match=says):
        PARSER.parse(demands)


def test_an_error_in_an_array_names_the_entry() -> None:
    """So that its author finds it."""
    with pytest.raises(PolicyMalformed, match=r"rule b: approval\[1\]\.risk: 'x'"):
        PARSER.parse([LEAST, {"rule": "b", "risk": "x"}])


def test_the_scope_of_several_demands_is_the_scope_of_all_or_none() -> None:
    """A session is wider than a request."""
    session = {**LEAST, "grant": {"scope": "kubectl"}}
    assert PARSER.parse([session, session]).scope == "kubectl"
    assert not PARSER.parse([session, LEAST]).scope


def test_anybody_is_as_many_people_as_the_rule_counts() -> None:
    assert parse(approvers=[{"any": True, "count": 3}]).demands[0].alternatives == (
        (Approver(ApproverKind.ANY, count=3),),
    )


def test_what_is_just_at_a_limit_is_taken() -> None:
    limits = RequirementLimits()
    pointer = "/" + "x" * 199
    parsed = parse(
        approvers=[{"group": "g" * limits.text, "count": limits.seats}], bind={"body": {"ignore": [pointer]}}
    )
    assert parsed.body_ignores == (pointer,)
    assert parsed.demands[0].approvers[0].count == limits.seats


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"escalate": 7}, "approval.escalate: 7"),
        ({"escalate": {"after": "1m", "notify": "default", "odd": 1}}, "approval.escalate: "),
        ({"bind": {"body": {"ignore": [], "odd": 1}}}, "approval.bind.body: "),
        ({"bind": {"headers": ["x-approval-ticket"]}}, "approval.bind.headers[0]: 'x-approval-ticket'"),
    ],
)
def test_a_mistake_is_named_where_it_stands(fields: dict[str, object], where: str) -> None:
    with pytest.raises(PolicyMalformed) as refused:
        parse(**fields)
    assert where in str(refused.value)
