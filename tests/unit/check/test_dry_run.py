from __future__ import annotations

from time import monotonic

import pytest

from authz.domain.answer import Forward, Kind
from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.dry_run import DETAIL, DryRun
from authz.services.check.policy import Policy
from tests.support.gated_requests import gated, with_headers
from tests.unit.check.world import DEMAND, DOCUMENT, ScriptedPolicy

TICKET = "x-approval-ticket"


async def run(result: object, *headers: tuple[str, bytes]) -> tuple[Outcome, ScriptedPolicy]:
    policy = ScriptedPolicy(result)
    parser = RequirementParser(RequirementDefaults(), RequirementLimits(), frozenset({"default"}))
    request = with_headers(gated(), *headers) if headers else gated()
    call = CheckCall(request, DOCUMENT, monotonic() + 10)
    return await DryRun(Policy(policy, 1.0), parser).check(call), policy


@pytest.mark.parametrize(
    ("result", "kind", "rule"),
    [
        (True, Kind.ALLOW, ""),
        (False, Kind.DENY, ""),
        ({"allowed": False, "http_status": 401, "body": "no"}, Kind.DENY, ""),
        ({"allowed": False, "approval": DEMAND}, Kind.HOLD, "delete-production"),
    ],
)
async def test_everything_is_forwarded_under_its_own_name(result: object, kind: Kind, rule: str) -> None:
    """What a denial would have said goes nowhere."""
    outcome, _ = await run(result)
    assert (outcome.kind, outcome.rule, outcome.ticket_id, outcome.detail) == (kind, rule, "", DETAIL)
    assert (outcome.answer, outcome.decision_id) == (Forward(), "decision-1")
    assert outcome.metadata == ({} if kind is Kind.ALLOW else {"dry_run": True})


async def test_an_allow_keeps_its_changes() -> None:
    """It is an allow."""
    outcome, _ = await run({"allowed": True, "headers": {"x-a": "1"}, "dynamic_metadata": {"b": 1}})
    assert isinstance(outcome.answer, Forward)
    assert outcome.answer.mutations.headers == (("x-a", "1"),)
    assert outcome.metadata == {"b": 1}


async def test_a_ticket_is_not_looked_at_and_not_passed_on() -> None:
    """The policy is asked as if there were none."""
    outcome, policy = await run({"allowed": False}, (TICKET, b"hg1.k1.x.y"))
    assert policy.asked == [DOCUMENT]
    assert isinstance(outcome.answer, Forward)
    assert outcome.answer.mutations.remove_headers == (TICKET,)


@pytest.mark.parametrize(
    "result",
    [None, {"allowed": 1}, {"allowed": False, "approval": {}}, {"allowed": True, "approval": DEMAND}],
)
async def test_what_can_not_be_obeyed_fails(result: object) -> None:
    """So that it is found before the dry run ends."""
    with pytest.raises(PolicyMalformed):
        await run(result)


async def test_an_outage_is_no_allow() -> None:
    """Nothing was decided."""
    with pytest.raises(PolicyUnavailable):
        await run(PolicyUnavailable("gone"))
