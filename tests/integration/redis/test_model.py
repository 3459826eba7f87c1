"""Random histories on a real Redis, compared step by step with the model, and with what the audit tells."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from authz.adapters.redis import redeem as redeem_module
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.ticket import Choice, State, TicketDraft, Vote
from tests.integration.redis.conftest import KEYS, advance, assert_everything_ends
from tests.integration.redis.drafts import MINUTE, check, draft, vote
from tests.integration.redis.model import ModelTicket, replayed
from tests.integration.redis.redeemers import USES_GUARD, unguarded

EXAMPLES = int(os.environ.get("HOLDGATE_TEST_MODEL_EXAMPLES", "15"))
PROFILE = hypothesis.settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

Value = TypeVar("Value")


class Histories(RuleBasedStateMachine):
    """Creates, votes, redemptions, sweeps and time, in any order."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = RedisTicketStore(RedisSettings(url=self.url, timeout_ms=10_000))
        self.tickets: list[ModelTicket] = []
        self.drafts: dict[str, TicketDraft] = {}
        self.votes: dict[str, tuple[Vote, ...]] = {}
        self.pointers: dict[tuple[str, str], ModelTicket] = {}
        self.ended: dict[str, State] = {}
        self.run(self.store.link.command("FLUSHALL"))
        # Stamped ahead of the real time, the partition's time stands still but for `pass_time`.
        self.run(advance(self.store.link, 60 * MINUTE))
        stamp = self.run(self.store.link.command("GET", KEYS.clock))
        assert isinstance(stamp, bytes)
        self.now = int(stamp)

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(assert_everything_ends(self.store.link))
        self.run(self.store.aclose())
        self.runner.close()

    @rule(
        path=st.sampled_from(["/a", "/b"]),
        who=st.sampled_from(["alice", "erin"]),
        uses=st.integers(1, 3),
        seats=st.integers(1, 2),
        at_once=st.booleans(),
    )
    def create(self, path: str, who: str, uses: int, seats: int, at_once: bool) -> None:
        wanted = draft(path, who, uses=uses)
        known = self.pointers.get((path, who))
        got = self.run(self.store.create(wanted))
        if known is not None and known.answers(self.now):
            assert (got.created, got.ticket.id) == (False, known.id)
            return
        assert (got.created, got.ticket.id, got.now) == (True, wanted.id, self.now)
        ticket = ModelTicket(wanted.id, uses, seats, self.now)
        self.tickets.append(ticket)
        self.drafts[ticket.id] = wanted
        self.votes[ticket.id] = ()
        self.pointers[path, who] = ticket
        for _ in range(seats if at_once else 0):
            self.vote_on(ticket, Choice.APPROVE)

    @precondition(lambda self: self.tickets)
    @rule(
        data=st.data(),
        choice=st.sampled_from([Choice.APPROVE, Choice.APPROVE, Choice.REJECT]),
        stale=st.booleans(),
    )
    def cast(self, data: st.DataObject, choice: Choice, stale: bool) -> None:
        ticket = data.draw(st.sampled_from(self.tickets[-3:]))
        if stale:
            assert self.run(self.store.vote(ticket.id, ticket.rev - 1, [vote()], State.APPROVED, {})) is None
        else:
            self.vote_on(ticket, choice)

    def vote_on(self, ticket: ModelTicket, choice: Choice) -> None:
        votes = (*self.votes[ticket.id], vote(choice, f"voter{ticket.votes}"))
        rev = ticket.rev
        expected = ticket.vote(choice, self.now)
        got = self.run(self.store.vote(ticket.id, rev, votes, expected or State.APPROVED, {}))
        assert (got is None) == (expected is None)
        if got is not None:
            self.votes[ticket.id] = got.ticket.votes

    @precondition(lambda self: self.tickets)
    @rule(
        data=st.data(),
        number=st.integers(1, 4),
        uses=st.integers(1, 4),
        window=st.sampled_from([5 * MINUTE, 60 * MINUTE]),
        same=st.sampled_from([True, True, True, False]),
    )
    def redeem(self, data: st.DataObject, number: int, uses: int, window: int, same: bool) -> None:
        ticket = data.draw(st.sampled_from(self.tickets[-3:]))
        digest = self.drafts[ticket.id].fingerprint.digest if same else "0" * 64
        expected = ticket.redeem(number, uses, window, self.now, same=same)
        assert self.run(self.store.redeem(ticket.id, digest, check(number), uses, window)) is expected

    @rule(step=st.sampled_from([1, 4_000, 10_000, 5 * MINUTE, 10 * MINUTE]))
    def pass_time(self, step: int) -> None:
        self.run(advance(self.store.link, step))
        self.now += step

    @rule()
    def sweep(self) -> None:
        assert self.run(self.store.expire_due(1_000)) == sum(
            ticket.sweep(self.now) for ticket in self.tickets
        )

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        for ticket in self.tickets:
            loaded = self.run(self.store.load(ticket.id))
            assert loaded is not None
            got = loaded.ticket
            assert got.draft == self.drafts[ticket.id]
            found = (got.state, got.rev, len(got.votes), got.uses_left, len(got.redemptions))
            assert found == (ticket.state, ticket.rev, ticket.votes, ticket.uses - ticket.taken, ticket.taken)
            assert got.votes == self.votes[ticket.id]

    @invariant()
    def terminal_states_absorb(self) -> None:
        for ticket in self.tickets:
            assert self.ended.get(ticket.id, ticket.state) is ticket.state
            if not ticket.state.live:
                self.ended[ticket.id] = ticket.state

    @invariant()
    def the_audit_replays_to_the_same(self) -> None:
        told = replayed(self.run(self.store.events("0", 10_000, 0)))
        assert told == {one.id: (one.state, one.rev, one.votes, one.taken) for one in self.tickets}

    @invariant()
    def the_lists_agree(self) -> None:
        for state in State:
            page = self.run(self.store.page(state, 1_000, ""))
            wanted = {ticket.id for ticket in self.tickets if ticket.state is state}
            assert {ticket.id for ticket in page.tickets} == wanted


def histories_on(url: str) -> type[Histories]:
    return type("HistoriesHere", (Histories,), {"url": url})


@pytest.mark.timeout(60 + 5 * EXAMPLES)
def test_every_history_goes_as_the_design_says(settings: RedisSettings) -> None:
    run_state_machine_as_test(histories_on(settings.url), settings=PROFILE)


@pytest.mark.timeout(600)
def test_a_redemption_without_its_guards_is_found_out(
    settings: RedisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redeem_module, "_SCRIPT", unguarded([USES_GUARD]))
    long_enough = hypothesis.settings(PROFILE, max_examples=200, phases=[Phase.generate], derandomize=True)
    machine = histories_on(settings.url)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=long_enough)
