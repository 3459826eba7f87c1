"""A ticket whose terms changed makes room for one on the terms of now."""

from __future__ import annotations

from typing import Any

import pytest

from authz.domain.answer import Kind
from authz.domain.ticket import State, TicketDraft
from authz.domain.token import partition_of
from authz.services.check import holding
from authz.services.ports import Created
from tests.support.gated_requests import gated, with_headers
from tests.support.memory_store import MemoryStore
from tests.unit.check.world import AGAIN, HOLD, World, body, demanding, retry, status

STRONGER = demanding(approvers=[{"group": "sre", "count": 2}])


@pytest.mark.parametrize("with_token", [True, False])
async def test_a_pending_ticket_on_other_terms_is_superseded(world: World, with_token: bool) -> None:
    """Its votes would have been for nothing."""
    token = await world.held()
    world.policy.result = STRONGER
    outcome = await world.check(AGAIN, *[token] * with_token)
    newer = body(outcome)["token"]
    assert (status(outcome), newer != token) == (202, True)
    assert body(outcome)["progress"]["needed"] == 2
    assert world.ticket(token).state is State.SUPERSEDED
    assert world.memory.bodies[world.ticket(newer).id] == gated().body
    assert body(await world.check(retry(gated(), 2)))["token"] == newer


async def test_control_without_the_comparison_people_vote_on_the_old_terms(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await world.held()
    world.policy.result = STRONGER
    monkeypatch.setattr(holding, "outdated", lambda *_: False)
    assert body(await world.check(AGAIN))["token"] == token


@pytest.mark.parametrize(
    "now",
    [
        {"reason": "at 12:04"},
        {"show": [{"title": "Time", "value": "12:04"}]},
        {"expires_in": "7m"},
        {"grant": {"uses": 3, "valid_for": "7m"}},
        {"notify": "default"},
    ],
)
async def test_what_a_policy_makes_from_the_clock_supersedes_nothing(
    world: World, now: dict[str, Any]
) -> None:
    """Else every retry would be a card."""
    token = await world.held()
    world.policy.result = demanding(**now)
    assert body(await world.check(AGAIN))["token"] == token
    assert body(await world.check(retry(gated(), 2), token))["token"] == token


async def test_without_room_an_approval_stays_as_it_was(world: World) -> None:
    """The client may come back with it; control: with room there is another ticket."""
    world.memory = MemoryStore(max_open=1)
    token = await world.approved()
    other = await world.held(gated(path="/other"))
    world.policy.result = STRONGER
    outcome = await world.check(AGAIN, token)
    assert (status(outcome), outcome.kind) == (429, Kind.REFUSE)
    assert world.ticket(token).state is State.APPROVED
    world.change(other, state=State.CANCELLED, ended_at=world.memory.now)
    assert (await world.check(AGAIN, token)).detail == "ticket superseded"


async def test_an_approved_ticket_keeps_answering_a_request_without_it(world: World) -> None:
    """Whether its votes are enough is judged when it is presented."""
    token = await world.approved()
    world.policy.result = STRONGER
    outcome = await world.check(AGAIN)
    assert (body(outcome)["token"], body(outcome)["state"]) == (token, "approved")


async def test_the_answer_follows_every_succession(world: World) -> None:
    """However often the terms changed."""
    first = await world.held()
    newest = first
    for count in (2, 3, 4):
        world.policy.result = demanding(approvers=[{"group": "sre", "count": count}])
        newest = body(await world.check(retry(gated(), count)))["token"]
    assert body(await world.check(AGAIN, first))["token"] == newest
    world.memory.tickets.pop(world.ticket(newest).id)
    gone = await world.check(AGAIN, first)
    assert (status(gone), body(gone)["type"]) == (403, "urn:holdgate:problem:superseded")


async def test_a_vote_in_between_is_looked_at_again(world: World) -> None:
    """A supersession is a compare-and-set, too."""

    class Busy(MemoryStore):
        refusals = 2

        async def supersede(
            self, ticket_id: str, rev: int, draft: TicketDraft, body: bytes = b""
        ) -> Created | None:
            if self.refusals:
                self.refusals -= 1
                return None
            return await super().supersede(ticket_id, rev, draft, body)

    world.memory = Busy()
    token = await world.approved()
    world.policy.result = STRONGER
    assert (await world.check(AGAIN, token)).detail == "ticket superseded"
    world.memory.refusals = 100
    world.policy.result = HOLD
    token = await world.approved(gated(path="/b"))
    world.policy.result = STRONGER
    assert (await world.check(retry(gated(path="/b")), token)).detail == "redis_unavailable"


async def test_a_successor_of_somebody_elses_making_is_the_answer(world: World) -> None:
    """Two workers looked at the same request; only one of them superseded."""

    class Overtaken(MemoryStore):
        async def supersede(
            self, ticket_id: str, rev: int, draft: TicketDraft, body: bytes = b""
        ) -> Created | None:
            await super().supersede(ticket_id, rev, draft, body)
            return None

    world.memory = Overtaken()
    token = await world.held()
    world.policy.result = STRONGER
    outcome = await world.check(AGAIN, token)
    assert (outcome.kind, outcome.detail) == (Kind.HOLD, "ticket superseded")
    assert body(outcome)["id"] == world.ticket(token).replaced_by


async def test_a_ticket_that_ended_meanwhile_is_told_as_it_is(world: World) -> None:
    """It expired between our look and our grip."""

    class Late(MemoryStore):
        async def supersede(
            self,
            ticket_id: str,  # noqa: ARG002 - the port's
            rev: int,  # noqa: ARG002 - the port's
            draft: TicketDraft,  # noqa: ARG002 - the port's
            body: bytes = b"",  # noqa: ARG002 - the port's
        ) -> Created | None:
            self.now += 60 * 60_000
            return None

    world.memory = Late()
    token = await world.held()
    world.policy.result = STRONGER
    assert (await world.check(AGAIN, token)).detail == "ticket expired"


async def test_what_was_said_before_needs_no_saying_again(world: World) -> None:
    """The retry has the ticket, not the reason; and a caller without a name may come from elsewhere."""
    world.anonymous = True
    world.partitions = 64
    nobody = gated(claims={}, source_address="192.0.2.1")
    world.policy.result = demanding(justification="required")
    token = body(await world.check(with_headers(nobody, ("x-approval-justification", b"disk full"))))["token"]
    world.policy.result = demanding(justification="required", approvers=[{"group": "sre", "count": 3}])
    outcome = await world.check(retry(gated(claims={}, source_address="198.51.100.7")), token)
    newer = world.ticket(body(outcome)["token"])
    assert (outcome.detail, newer.draft.justification) == ("ticket superseded", "disk full")
    assert partition_of(newer.id) == partition_of(world.ticket(token).id)
    assert newer.draft.quota_key == "address:192.0.2.1"


async def test_a_doubled_seat_is_another_demand(world: World) -> None:
    """One of sre and one more of sre are two."""
    token = await world.held()
    world.policy.result = demanding(approvers=[{"group": "sre"}, {"group": "sre"}])
    assert body(await world.check(AGAIN))["token"] != token


async def test_a_replay_shows_the_policy_nothing_of_a_grant_that_was_taken_back(world: World) -> None:
    """Control: while it stands, the same Check is answered alike."""
    world.policy.result = demanding(grant={"uses": 2})
    token = await world.approved()
    assert (await world.check(AGAIN, token)).detail == "redeemed"
    assert (await world.check(AGAIN, token)).detail == "replayed"
    asked = len(world.policy.asked)
    world.change(token, state=State.REVOKED, ended_at=world.memory.now)
    assert (await world.check(AGAIN, token)).detail == "ticket revoked"
    assert len(world.policy.asked) == asked
