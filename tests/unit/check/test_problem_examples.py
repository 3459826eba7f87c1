"""The example on each problem's page has the members that come with the real answer."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from authz.domain.errors import BadRequest, BreakGlassExhausted
from authz.domain.problem_page import problem_page
from authz.domain.problems import Problem
from authz.domain.ticket import Choice, State
from authz.services.check.call import Outcome
from authz.services.check.failures import failure
from authz.services.permissions import Action
from tests.support.gated_requests import gated, sent_by
from tests.support.memory_store import MemoryStore
from tests.support.operators_rule import OperatorsRule
from tests.unit.check.own import own, ticket_request
from tests.unit.check.world import AGAIN, World, allow_when_approved, body, demanding, retry

Meet = Callable[[World], Awaitable[Outcome]]
LONG_MS = 24 * 3_600_000


async def held(world: World) -> Outcome:
    return await world.check()


async def refused(world: World) -> Outcome:
    return await world.check(AGAIN, "nonsense")


async def rejected(world: World) -> Outcome:
    token = await world.held()
    await world.vote(token, "bob", Choice.REJECT, "not now")
    return await world.check(AGAIN, token)


async def expired(world: World) -> Outcome:
    token = await world.held()
    world.memory.now += LONG_MS
    return await world.check(AGAIN, token)


async def lapsed(world: World) -> Outcome:
    token = await world.approved()
    world.memory.now += LONG_MS
    return await world.check(AGAIN, token)


async def cancelled(world: World) -> Outcome:
    token = await world.held()
    await world.check(ticket_request(token, "DELETE"), token)
    return await world.check(AGAIN, token)


async def superseded(world: World) -> Outcome:
    token = await world.held()
    world.change(token, state=State.SUPERSEDED, replaced_by="0-" + "a" * 26)
    return await world.check(AGAIN, token)


async def revoked(world: World) -> Outcome:
    token = await world.approved()
    await world.check(ticket_request(token, "DELETE"), token)
    return await world.check(AGAIN, token)


async def used_up(world: World) -> Outcome:
    world.policy.result = allow_when_approved
    token = await world.approved()
    await world.check(AGAIN, token)
    return await world.check(retry(number=2), token)


async def changed(world: World) -> Outcome:
    return await world.check(replace(AGAIN, path="/other"), await world.held())


async def insufficient(world: World) -> Outcome:
    token = await world.approved()
    await world.check(AGAIN, token)
    world.policy.result = demanding(approvers=[{"group": "sre", "count": 2}])
    return await world.check(AGAIN, token)


async def not_permitted(world: World) -> Outcome:
    world.rule = denying(Action.REQUEST)
    return await world.check()


async def over(world: World) -> Outcome:
    world.policy.result = allow_when_approved
    token = await world.approved()
    await world.check(AGAIN, token)
    return await world.check(ticket_request(token, "DELETE"), token)


async def not_taken_back(world: World) -> Outcome:
    token = await world.held()
    world.rule = denying(Action.CANCEL)
    return await world.check(ticket_request(token, "DELETE"), token)


async def glass_kept(world: World) -> Outcome:
    terms = {"break_glass": {"group": "sre", "review_within": "24h"}, "reason": "the database is down"}
    world.policy.result = {"allowed": True, "approval": terms}
    return await world.check(gated(claims=sent_by("dave")))


async def unjustified(world: World) -> Outcome:
    world.policy.result = demanding(justification="required")
    return await world.check()


async def unreadable(_world: World) -> Outcome:
    return failure(BadRequest("the query has a ';'"))


async def nothing_there(world: World) -> Outcome:
    return await world.check(own("/.holdgate/x"))


async def another_method(world: World) -> Outcome:
    return await world.check(own("/.holdgate/tickets/x", "PUT"))


async def unseen(world: World) -> Outcome:
    return await world.check(gated(partial=True))


async def too_many(world: World) -> Outcome:
    world.memory = MemoryStore(max_open=0)
    return await world.check()


async def glass_broken_too_often(_world: World) -> Outcome:
    return failure(BreakGlassExhausted("requester", 5))


async def nobody(world: World) -> Outcome:
    return await world.check(gated(claims={}))


async def outage(world: World) -> Outcome:
    world.memory.down = True
    return await world.check()


def denying(action: Action) -> OperatorsRule:
    rule = OperatorsRule()
    rule.denied.add(action)
    rule.reason = "not on a Friday"
    return rule


MET: dict[Problem, Meet] = {
    Problem.HELD: held,
    Problem.REFUSED: refused,
    Problem.REJECTED: rejected,
    Problem.EXPIRED: expired,
    Problem.LAPSED: lapsed,
    Problem.CANCELLED: cancelled,
    Problem.SUPERSEDED: superseded,
    Problem.REVOKED: revoked,
    Problem.USED_UP: used_up,
    Problem.CHANGED: changed,
    Problem.INSUFFICIENT: insufficient,
    Problem.NOT_PERMITTED: not_permitted,
    Problem.TICKET_OVER: over,
    Problem.CANCEL_NOT_PERMITTED: not_taken_back,
    Problem.BREAK_GLASS_REFUSED: glass_kept,
    Problem.JUSTIFICATION_REQUIRED: unjustified,
    Problem.BAD_REQUEST: unreadable,
    Problem.NOT_FOUND: nothing_there,
    Problem.METHOD_NOT_ALLOWED: another_method,
    Problem.BODY_NOT_VISIBLE: unseen,
    Problem.TOO_MANY_TICKETS: too_many,
    Problem.BREAK_GLASS_EXHAUSTED: glass_broken_too_often,
    Problem.PRINCIPAL_UNKNOWN: nobody,
    Problem.UNAVAILABLE: outage,
}


def shape(members: Any) -> object:  # noqa: ANN401 - JSON
    """Return a document with the kinds of its values in their place."""
    if isinstance(members, dict):
        return {name: shape(value) for name, value in members.items()}
    return type(members).__name__


@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.name)
async def test_the_example_has_the_members_of_the_answer(world: World, problem: Problem) -> None:
    """Name for name, and each of the same kind."""
    answer = body(await MET[problem](world))
    code = re.search(r"```json\n(.*?)```", problem_page(problem), re.DOTALL)
    assert code
    assert shape(answer) == shape(json.loads(code.group(1)))
    assert answer.get("type", Problem.HELD.value.uri) == problem.value.uri
