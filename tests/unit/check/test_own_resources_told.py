"""What log and metrics are told of requests for Holdgate's own paths."""

from __future__ import annotations

import pytest

from authz.domain.answer import Kind
from tests.support.gated_requests import with_headers
from tests.unit.check.own import own, ticket_request
from tests.unit.check.world import World, body


@pytest.mark.parametrize(
    ("method", "shown", "kind", "detail", "named"),
    [
        ("GET", "", Kind.ANSWER, "ticket status", True),
        ("HEAD", "", Kind.ANSWER, "ticket status", True),
        ("DELETE", "", Kind.ANSWER, "taking back", True),
        ("GET", "x", Kind.REFUSE, "ticket refused", False),
        ("DELETE", "x", Kind.REFUSE, "ticket refused", False),
        ("POST", "", Kind.REFUSE, "method not allowed", False),
    ],
)
async def test_a_ticket_is_named_once_its_token_was_shown(
    world: World, method: str, shown: str, kind: Kind, detail: str, named: bool
) -> None:
    token = await world.held()
    outcome = await world.check(ticket_request(token, method), f"{token}{shown}")
    assert (outcome.kind, outcome.detail) == (kind, detail)
    assert outcome.ticket_id == (world.ticket(token).id if named else "")
    assert (outcome.decision_id, outcome.rule, outcome.principal) == ("", "", "")


@pytest.mark.parametrize(
    ("path", "method", "kind", "detail"),
    [
        ("/.holdgate/problems/held", "GET", Kind.ANSWER, "problem page"),
        ("/.holdgate/problems/held", "POST", Kind.REFUSE, "method not allowed"),
        ("/.holdgate/problems/none", "GET", Kind.REFUSE, "no such resource"),
    ],
)
async def test_a_page_belongs_to_no_ticket(
    world: World, path: str, method: str, kind: Kind, detail: str
) -> None:
    outcome = await world.check(own(path, method))
    assert (outcome.kind, outcome.detail, outcome.ticket_id) == (kind, detail, "")


async def test_a_token_that_is_no_text_is_a_wrong_one(world: World) -> None:
    """And no error of ours."""
    request = ticket_request(await world.held())
    outcome = await world.check(with_headers(request, ("x-approval-ticket", b"\xff")))
    assert (outcome.kind, outcome.detail) == (Kind.REFUSE, "ticket refused")
    assert body(outcome)["type"] == "urn:holdgate:problem:ticket-refused"
