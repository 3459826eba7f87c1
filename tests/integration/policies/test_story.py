"""The demo's policy, asked over HTTP as Holdgate asks it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from authz.domain.break_glass import BreakGlassParser
from authz.domain.decision import Allow, BreakGlassAllow, Deny, Hold, read_decision
from authz.domain.limits import RequirementLimits
from tests.integration.policies.inputs import ISSUER, request
from tests.integration.policies.opa_server import RunningOpa

PROBLEM = {"content-type": "application/problem+json"}
TO_PRODUCTION = {"service": "web", "environment": "production", "version": "1.4.2"}
DELETE_DEMAND = {
    "rule": "delete-resource",
    "reason": "deletes a production resource",
    "approvers": [{"group": "sre", "count": 1}],
    "expires_in": "30m",
    "grant": {"uses": 1, "valid_for": "15m"},
    "notify": "prod-changes",
    "show": [
        {"title": "Resource", "value": "db-orders"},
        {"title": "Kind", "value": "database"},
        {"title": "Environment", "value": "production"},
    ],
}
DEPLOY_DEMAND = {
    "rule": "deploy-production",
    "reason": "deploys to production",
    "approvers": [{"group": "release", "count": 1}],
    "expires_in": "30m",
    "grant": {"uses": 1, "valid_for": "15m"},
    "notify": "prod-changes",
    "show": [
        {"title": "Service", "value": "web"},
        {"title": "Version", "value": "1.4.2"},
        {"title": "Environment", "value": "production"},
    ],
}


def test_a_signed_in_person_may_look(demo: RunningOpa) -> None:
    """An allowed GET."""
    result = demo.decide(request("dave", "GET", "/resources/db-orders?full=1"))
    assert result == {"allowed": True}
    assert isinstance(read_decision(result).verdict, Allow)


def test_what_no_rule_allows_is_refused_with_the_reason(demo: RunningOpa) -> None:
    """A forbidden call."""
    result = demo.decide(request("alice", "GET", "/admin"))
    assert result == {
        "allowed": False,
        "http_status": 403,
        "headers": PROBLEM,
        "body": '{"detail":"no rule of the policy allows this request","status":403}',
    }
    assert isinstance(read_decision(result).verdict, Deny)


def test_deleting_in_production_is_held(demo: RunningOpa) -> None:
    """A sensitive DELETE."""
    result = demo.decide(request("alice", "DELETE", "/resources/db-orders"))
    assert result == {"allowed": False, "approval": DELETE_DEMAND}
    assert isinstance(read_decision(result).verdict, Hold)


def test_the_approved_request_is_demanded_the_same_again(demo: RunningOpa) -> None:
    """Holdgate compares the votes with this demand, so it has to be there."""
    approval = {
        "id": "p0-1",
        "rule": "delete-resource",
        "votes": [{"by": {"ns": ISSUER, "id": "bob", "name": "Bob", "groups": ["sre"]}}],
        "uses_left": 1,
    }
    result = demo.decide(request("alice", "DELETE", "/resources/db-orders", approval=approval))
    assert result == {"allowed": False, "approval": DELETE_DEMAND}


def test_an_admin_deletes_in_staging_alone(demo: RunningOpa) -> None:
    """The same rule where nobody needs to approve."""
    assert demo.decide(request("alice", "DELETE", "/resources/cache-orders")) == {"allowed": True}


def test_somebody_else_may_not_delete(demo: RunningOpa) -> None:
    """Another person's credentials are another decision."""
    result = demo.decide(request("dave", "DELETE", "/resources/db-orders"))
    assert result["http_status"] == 403
    assert json.loads(result["body"])["detail"] == "only an admin may delete a resource"


def test_deploying_to_production_is_held(demo: RunningOpa) -> None:
    """The second rule, judged by the body."""
    result = demo.decide(request("alice", "POST", "/deployments", parsed_body=TO_PRODUCTION))
    assert result == {"allowed": False, "approval": DEPLOY_DEMAND}


def test_a_freeze_refuses_what_was_held(own: RunningOpa) -> None:
    """A window that is open now, by OPA's own clock."""
    deployment = request("alice", "POST", "/deployments", parsed_body=TO_PRODUCTION)
    assert own.decide(deployment) == {"allowed": False, "approval": DEPLOY_DEMAND}
    own.http.put("/v1/data/freezes", json=[_window("launch")]).raise_for_status()
    result = own.decide(deployment)
    end = _window("launch")["end"]
    assert result == {
        "allowed": False,
        "http_status": 403,
        "headers": PROBLEM,
        "body": json.dumps(
            {
                "detail": f'no deployments to production during the freeze "launch", which ends at {end}',
                "freeze": {"ends_at": end, "name": "launch"},
                "status": 403,
            },
            separators=(",", ":"),
        ),
    }


def test_every_answer_names_its_decision(demo: RunningOpa) -> None:
    """The decision log is on, so OPA returns the id under which it has written the decision down."""
    answer = demo.ask("envoy/authz/allow", request("alice", "GET", "/resources"))
    record = demo.logged(answer["decision_id"])
    assert record["path"] == "envoy/authz/allow"
    assert record["result"] == {"allowed": True}


def test_the_glass_is_broken_only_while_an_incident_is_open(own: RunningOpa) -> None:
    """An answer that Holdgate reads as such, and without the incident a denial."""
    asked = request("bob", "DELETE", "/resources/db-orders")
    assert isinstance(read_decision(own.decide(asked)).verdict, Deny)
    own.http.put("/v1/data/incidents", json=[{"id": "INC-7", "resource": "db-orders"}]).raise_for_status()
    verdict = read_decision(own.decide(asked)).verdict
    assert isinstance(verdict, BreakGlassAllow)
    terms = BreakGlassParser(RequirementLimits(), frozenset({"default", "prod-changes"})).parse(
        verdict.approval
    )
    assert (terms.group, terms.rule, terms.notify) == ("sre", "delete-in-incident", ("prod-changes",))
    assert terms.show == (("Incident", "INC-7"), ("Resource", "db-orders"))


def test_the_directory_knows_persons_and_no_strangers(demo: RunningOpa) -> None:
    """As Holdgate asks for requesters and voters."""
    path = "holdgate/directory/person"
    known = demo.ask(path, {"ns": ISSUER, "id": "carol"})
    account = {"ns": ISSUER, "id": "carol"}
    assert known["result"] == {
        "id": "carol",
        "name": "Carol",
        "groups": ["release", "sre"],
        "accounts": [account],
    }
    assert "result" not in demo.ask(path, {"ns": ISSUER, "id": "zoe"})
    assert "result" not in demo.ask(path, {"ns": "https://other.invalid", "id": "carol"})


def test_neither_tests_nor_opas_configuration_are_loaded(demo: RunningOpa) -> None:
    """The documented command ignores both."""
    assert demo.modules() == demo.shipped()
    assert set(demo.http.get("/v1/data").json()["result"]) == {
        "directory",
        "envoy",
        "freezes",
        "holdgate",
        "incidents",
        "resources",
    }


def _window(name: str) -> dict[str, Any]:
    # Whole days, so that two calls in one test give the same text.
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = today - timedelta(days=2), today + timedelta(days=2)
    return {"name": name, "start": start.isoformat(), "end": end.isoformat()}
