"""What is no ticket of the sender is answered alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.answer import Kind
from authz.domain.errors import PolicyUnavailable
from authz.services.check import service, telling
from authz.services.check.call import Outcome
from authz.services.check.requesters import Requesters
from tests.support.gated_requests import gated, sent_by, with_headers
from tests.unit.check.world import (
    AGAIN,
    HOLD,
    TICKET,
    World,
)


async def foreign_answers(world: World) -> dict[str, Outcome]:
    """Return the answers to everything that isn't a ticket of this sender."""
    own = await world.approved()
    foreign = await world.approved(gated(claims=sent_by("dave")))
    id_, mac = own.split(".")[2:]
    unknown = world.mint.mint("0-" + "a" * 26)
    return {
        "unknown": await world.check(AGAIN, unknown),
        "forged": await world.check(AGAIN, f"hg1.k1.{id_}.{'A' * 43}"),
        "other key": await world.check(AGAIN, f"hg1.k9.{id_}.{mac}"),
        "malformed": await world.check(AGAIN, "let me in"),
        "bytes": await world.check(with_headers(AGAIN, (TICKET, b"\xff\xfe"))),
        "empty": await world.check(AGAIN, ""),
        "doubled": await world.check(AGAIN, own, own),
        "joined": await world.check(AGAIN, f"{own},{own}"),
        "foreign": await world.check(AGAIN, foreign),
        "nobody": await world.check(replace(AGAIN, claims={}), own),
        "cut and foreign": await world.check(replace(AGAIN, partial=True), foreign),
    }


@pytest.mark.parametrize("result", [HOLD, True, False, PolicyUnavailable("down")])
async def test_what_is_no_ticket_of_the_sender_is_refused_alike(world: World, result: object) -> None:
    """Unknown, forged, malformed, doubled, another principal's: one 403, whatever OPA would say."""
    await world.approved()
    answers = await foreign_answers(world)
    assert {outcome.answer for outcome in answers.values()} == {telling.REFUSED.answer}
    assert {outcome.kind for outcome in answers.values()} == {Kind.REFUSE}
    world.policy.result = result
    token = await world.held(gated(claims=sent_by("carol"))) if result is HOLD else ""
    assert (await world.check(AGAIN, token)).answer == telling.REFUSED.answer


async def test_a_forged_ticket_costs_no_redis_command(world: World) -> None:
    """Nor one of OPA's evaluations."""
    token = await world.held()
    world.memory.calls.clear()
    asked = len(world.policy.asked)
    for forged in ("", "x", token[:-1], f"{token},{token}", token.replace("k1", "k2")):
        await world.check(AGAIN, forged)
    await world.check(AGAIN, token, token)
    assert (world.memory.calls, len(world.policy.asked)) == ([], asked)


async def test_a_stolen_ticket_would_pass_without_the_comparison_of_principals(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: the token alone isn't what binds; here every sender is taken for dave."""
    token = await world.approved(gated(claims=sent_by("dave")))
    assert (await world.check(AGAIN, token)).answer == telling.REFUSED.answer
    dave = world.ticket(token).draft.requester
    monkeypatch.setattr(Requesters, "verified", lambda _self, _request: dave)
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_a_doubled_ticket_would_pass_without_the_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: of two values the first would count."""
    token = await world.approved()
    monkeypatch.setattr(service, "len", lambda _values: 1, raising=False)
    assert (await world.check(AGAIN, token, "x")).kind is Kind.ALLOW
