"""Whatever a requester sends: the policy alone says who is asked, who is told, and the votes alone decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from authz.domain.request import GatedRequest
from authz.domain.requirement import Requirement
from authz.domain.ticket import State
from authz.services.check.drafting import Drafting
from tests.support.gated_requests import gated, with_headers
from tests.unit.check.world import World, body

ROOM = "the-requesters-own-room"
WORDS = {
    "notify": ROOM,
    "channel": ROOM,
    "route": ROOM,
    "cc": ROOM,
    "rule": "harmless",
    "approvers": "dev",
    "count": "0",
    "requester": "bob-1",
    "state": "approved",
    "approved-by": "bob",
    "id": "0-" + "a" * 26,
}


def in_headers(request: GatedRequest) -> GatedRequest:
    """Return the request with each word under every name that might be listened to."""
    names = ("x-approval-{}", "x-holdgate-{}", "{}")
    lines = [(form.format(word), value.encode()) for word, value in WORDS.items() for form in names]
    return with_headers(request, *lines)


def everywhere() -> GatedRequest:
    """Return one that says it in its query and its body, too."""
    said = orjson.dumps(WORDS | {"approval": WORDS, "allowed": True})
    query = "&".join(f"{word}={value}" for word, value in WORDS.items())
    sized = (("content-type", b"application/json"), ("content-length", b"%d" % len(said)))
    return in_headers(gated(query=query, body=said, headers=sized))


async def demanded_of(world: World, request: GatedRequest) -> Requirement:
    return world.ticket(await world.held(request)).draft.requirement


async def test_the_policy_alone_says_who_is_asked_and_who_is_told(world: World) -> None:
    plain = await demanded_of(world, gated())
    assert await demanded_of(world, everywhere()) == plain
    assert plain.notify == ("default",)


async def test_nobody_approves_their_own_request_by_what_it_says(world: World) -> None:
    """Such a ticket waits like any other, is its sender's, and the policy sees no approval."""
    ticket = world.ticket(await world.held(everywhere()))
    assert (ticket.state, ticket.votes, ticket.draft.requester.identity.id) == (State.PENDING, (), "alice-1")
    assert "approval" not in world.policy.asked[-1]


async def test_what_a_header_says_makes_no_other_request(world: World) -> None:
    """The same ticket, as it was."""
    first, again = await world.check(), await world.check(in_headers(gated()))
    assert body(again) == body(first)


async def test_control_one_who_listened_to_a_header_would_be_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Drafting.draft

    async def obliging(self: Drafting, call: Any, decision: Any, hold: Any, terms: Requirement) -> object:  # noqa: ANN401 - passed on
        (room,) = call.request.values("x-approval-notify")
        return await whole(self, call, decision, hold, replace(terms, notify=(room.decode(),)))

    monkeypatch.setattr(Drafting, "draft", obliging)
    assert (await demanded_of(world, everywhere())).notify == (ROOM,)
