"""The operator's rule says who may look."""

from __future__ import annotations

import pytest

from authz.domain.errors import PolicyMalformed, VoteRefused
from authz.entrypoints.console.refused_status import STATUS, status_of
from authz.services.permissions import Action
from authz.services.voting import VotingService
from tests.support.refusal_codes import refusal_codes
from tests.unit.console.world import World


async def test_a_hidden_ticket_is_on_no_page(world: World) -> None:
    seen, secret = await world.held(path="/seen"), await world.held(path="/secret")
    world.rule.denied = {(Action.VIEW, secret.id)}
    bob = await world.signed_in("bob")
    html = (await bob.get("/")).text
    assert ("/seen" in html, "/secret" in html) == (True, False)
    answer = await bob.get(f"/tickets/{secret.id}")
    assert answer.status_code == 403
    assert "The operator&#39;s rule doesn&#39;t let you look" in answer.text
    assert "/secret" not in answer.text
    assert (await bob.get(f"/tickets/{seen.id}")).status_code == 200


async def test_control_without_the_question_it_is_on_both(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def everybody(*_: object) -> bool:
        return True

    secret = await world.held(path="/secret")
    world.rule.denied = {(Action.VIEW, secret.id)}
    monkeypatch.setattr(VotingService, "may_view", everybody)
    bob = await world.signed_in("bob")
    assert "/secret" in (await bob.get("/")).text
    assert "/secret" in (await bob.get(f"/tickets/{secret.id}")).text


@pytest.mark.parametrize("path", ["/", "/tickets/ID", "/break-glass", "/break-glass/ID"])
async def test_a_rule_without_a_usable_answer_is_a_503_page(world: World, path: str) -> None:
    ticket = await world.held()
    review = await world.broken_glass()
    bob = await world.signed_in("bob")
    world.rule.error = PolicyMalformed("secret-7f")
    answer = await bob.get(path.replace("ID", review.id if "glass" in path else ticket.id))
    assert answer.status_code == 503
    assert "secret-7f" not in answer.text
    assert "api.example" not in answer.text


def test_every_code_of_a_refusal_has_a_status_chosen_for_it() -> None:
    assert set(STATUS) == refusal_codes("domain", "services")
    assert status_of(VoteRefused("not-there-yet", "Later.")) == 403
