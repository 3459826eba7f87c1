"""What was approved is what runs."""

from __future__ import annotations

from typing import Any

import pytest

from authz.domain.answer import Kind
from authz.domain.ticket import State
from authz.services.check import redeeming
from tests.support.gated_requests import gated
from tests.unit.check.world import (
    AGAIN,
    World,
    body,
    retry,
    status,
)

CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("method", {"method": "PUT"}),
    ("path", {"path": "/resources/db-other"}),
    ("path", {"path": "/resources/db%2Dorders"}),
    ("query", {"query": "force=false"}),
    ("query", {"query": None}),
    ("host", {"host": "other.example"}),
    ("scheme", {"scheme": "http"}),
    ("context_extensions", {"context_extensions": {"route": "other"}}),
    ("body", {"body": b'{"force": TRUE}'}),
    ("header:content-type", {"headers": (("content-type", b"text/plain"), ("content-length", b"15"))}),
    ("header:x-tenant", {"headers": (*gated().headers, ("x-tenant", b"blue"))}),
    ("header:x-http-method-override", {"headers": (*gated().headers, ("x-http-method-override", b"GET"))}),
]


@pytest.mark.parametrize(("part", "changes"), CHANGES)
async def test_another_request_than_the_approved_one_is_409(
    world: World, part: str, changes: dict[str, Any]
) -> None:
    """Naming the part and no value, without asking the policy, with the ticket untouched."""
    token = await world.approved()
    world.policy.result = True
    asked = len(world.policy.asked)
    outcome = await world.check(retry(gated(**changes)), token)
    assert (status(outcome), body(outcome)["changed"]) == (409, [part])
    assert body(outcome)["type"] == "urn:holdgate:problem:request-changed"
    assert "other" not in str(body(outcome))
    assert "blue" not in str(body(outcome))
    assert (world.ticket(token).state, len(world.policy.asked)) == (State.APPROVED, asked)
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


@pytest.mark.parametrize(("part", "changes"), CHANGES)
async def test_another_request_would_pass_without_the_comparison(
    world: World, monkeypatch: pytest.MonkeyPatch, part: str, changes: dict[str, Any]
) -> None:
    """Control: nothing but the comparison of fingerprints refuses it."""
    monkeypatch.setattr(redeeming, "changed_parts", lambda _then, _now: ())
    token = await world.approved()
    outcome = await world.check(retry(gated(**changes)), token)
    assert outcome.kind is Kind.ALLOW, part


async def test_several_changes_are_named_together(world: World) -> None:
    """In the order of the alphabet."""
    token = await world.approved()
    outcome = await world.check(retry(gated(method="PUT", path="/x", body=b"", headers=())), token)
    assert body(outcome)["changed"] == ["body", "header:content-type", "method", "path"]
