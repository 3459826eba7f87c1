"""Random histories on a real Redis, compared step by step with the model, and with what the audit tells."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from types import ModuleType
from typing import Any, TypeVar

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from authz.adapters.redis import end as end_module
from authz.adapters.redis import redeem as redeem_module
from authz.adapters.redis import supersede as supersede_module
from authz.adapters.redis import vote as vote_module
from authz.adapters.redis import withdraw as withdraw_module
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.ticket import Choice, State, TicketDraft, Vote
from tests.integration.redis.conftest import KEYS, advance, assert_everything_ends
from tests.integration.redis.drafts import MINUTE, check, draft, ending, vote
from tests.integration.redis.model import ModelTicket, replayed
from tests.integration.redis.redeemers import USES_GUARD

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
        settings = RedisSettings(url=self.url, timeout_ms=10_000)
        unhurried = replace(
            settings, tickets_per_minute=1_000_000, tickets_per_minute_per_requester=1_000_000
        )
        self.store = RedisTicketStore(unhurried)
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

    @initialize(uses=st.integers(2, 3))
    def begin(self, uses: int) -> None:
        """Hypothesis leaves rules out of whole histories; without tickets there would be nothing to do in them."""
        self.create("/a", "alice", uses, 1, at_once=True)
        self.create("/b", "erin", uses, 2, at_once=False)
        self.vote_on(self.tickets[-1], Choice.APPROVE)

    def one(self, data: st.DataObject, fits: Callable[[ModelTicket], object]) -> ModelTicket:
        """Draw a ticket, more often than not one to which the step can happen: most of a random history is over."""
        fitting = [ticket for ticket in self.tickets if fits(ticket)]
        if fitting and data.draw(st.sampled_from([True, True, False])):
            return data.draw(st.sampled_from(fitting))
        return data.draw(st.sampled_from(self.tickets[-3:]))

    @rule(
        path=st.sampled_from(["/a", "/b"]),
        who=st.sampled_from(["alice", "erin"]),
        uses=st.sampled_from([1, 2, 3, 3]),
        seats=st.integers(1, 2),
        at_once=st.sampled_from([True, True, False]),
    )
    def create(self, path: str, who: str, uses: int, seats: int, at_once: bool) -> None:
        wanted = draft(path, who, uses=uses)
        known = self.pointers.get((path, who))
        got = self.run(self.store.create(wanted))
        if known is not None and known.answers(self.now):
            assert (got.created, got.ticket.id) == (False, known.id)
            return
        assert (got.created, got.ticket.id, got.now) == (True, wanted.id, self.now)
        ticket = self.opened(wanted, path, who, seats)
        for _ in range(seats if at_once else 0):
            self.vote_on(ticket, Choice.APPROVE)

    def opened(self, wanted: TicketDraft, path: str, who: str, seats: int) -> ModelTicket:
        ticket = ModelTicket(wanted.id, wanted.requirement.uses, seats, self.now)
        self.tickets.append(ticket)
        self.drafts[ticket.id] = wanted
        self.votes[ticket.id] = ()
        self.pointers[path, who] = ticket
        return ticket

    @precondition(lambda self: self.tickets)
    @rule(
        data=st.data(),
        choice=st.sampled_from([Choice.APPROVE, Choice.APPROVE, Choice.REJECT]),
        stale=st.sampled_from([False, False, True]),
    )
    def cast(self, data: st.DataObject, choice: Choice, stale: bool) -> None:
        ticket = self.one(data, lambda one: one.state is State.PENDING)
        if stale:
            assert self.run(self.store.vote(ticket.id, ticket.rev - 1, [vote()], State.APPROVED, {})) is None
        else:
            self.vote_on(ticket, choice)

    def vote_on(self, ticket: ModelTicket, choice: Choice) -> None:
        person = f"voter{ticket.cast}"
        votes = (*self.votes[ticket.id], vote(choice, person))
        rev = ticket.rev
        expected = ticket.vote(choice, person, self.now)
        got = self.run(self.store.vote(ticket.id, rev, votes, expected or State.APPROVED, {}))
        assert (got is None) == (expected is None)
        if got is not None:
            self.votes[ticket.id] = got.ticket.votes

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), stale=st.sampled_from([False, False, True]))
    def withdraw(self, data: st.DataObject, stale: bool) -> None:
        ticket = self.one(data, lambda one: one.state is State.PENDING and one.voters)
        person = data.draw(st.sampled_from([*ticket.voters, "nobody"]))
        rev = ticket.rev
        expected = not stale and ticket.withdraw(person, self.now)
        got = self.run(self.store.withdraw(ticket.id, rev - stale, person))
        assert (got is not None) == expected
        if expected:
            self.votes[ticket.id] = tuple(one for one in self.votes[ticket.id] if one.person != person)

    @precondition(lambda self: self.tickets)
    @rule(
        data=st.data(),
        # Few grants are taken back: most shall live on to be used.
        state=st.sampled_from([State.CANCELLED, State.CANCELLED, State.CANCELLED, State.REVOKED]),
        stale=st.booleans(),
    )
    def end(self, data: st.DataObject, state: State, stale: bool) -> None:
        ticket = data.draw(st.sampled_from(self.tickets[-3:]))
        rev = ticket.rev
        # A grant is taken back whatever happened to it meanwhile: all that can are uses.
        judged = not stale or state is State.REVOKED
        expected = judged and ticket.end(state, self.now)
        got = self.run(self.store.end(ticket.id, rev - stale, state, ending()))
        assert (got is not None) == expected
        assert got is None or got.ticket.ending == ending()

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), path=st.sampled_from(["/a", "/b"]), uses=st.integers(1, 3), stale=st.booleans())
    def supersede(self, data: st.DataObject, path: str, uses: int, stale: bool) -> None:
        old = data.draw(st.sampled_from(self.tickets[-3:]))
        who = self.drafts[old.id].requester.name
        wanted = draft(path, who, uses=uses)
        known = self.pointers.get((path, who))
        rev = old.rev
        expected = not stale and old.end(State.SUPERSEDED, self.now)
        got = self.run(self.store.supersede(old.id, rev - stale, wanted))
        assert (got is not None) == expected
        if got is None:
            return
        if known is not None and known is not old and known.answers(self.now):
            assert (got.created, got.ticket.id) == (False, known.id)
        else:
            assert (got.created, got.ticket.id) == (True, wanted.id)
            self.opened(wanted, path, who, old.seats)
        old.replaced_by = got.ticket.id

    @precondition(lambda self: self.tickets)
    @rule(
        data=st.data(),
        number=st.integers(1, 4),
        uses=st.integers(1, 4),
        window=st.sampled_from([5 * MINUTE, 60 * MINUTE]),
        same=st.sampled_from([True, True, True, False]),
    )
    def redeem(self, data: st.DataObject, number: int, uses: int, window: int, same: bool) -> None:
        ticket = self.one(data, lambda one: one.state is State.APPROVED)
        digest = self.drafts[ticket.id].fingerprint.digest if same else "0" * 64
        expected = ticket.redeem(number, uses, window, self.now, same=same)
        assert self.run(self.store.redeem(ticket.id, digest, check(number), uses, window)) is expected

    @precondition(lambda self: any(one.counted and one.state is State.APPROVED for one in self.tickets))
    @rule(data=st.data(), number=st.integers(1, 4), uses=st.integers(1, 2))
    def use_once_more_what_was_used(self, data: st.DataObject, number: int, uses: int) -> None:
        """By the terms of now, which may be fewer uses than were taken."""
        used = [one for one in self.tickets if one.counted and one.state is State.APPROVED]
        ticket = data.draw(st.sampled_from(used))
        digest = self.drafts[ticket.id].fingerprint.digest
        expected = ticket.redeem(number, uses, 60 * MINUTE, self.now, same=True)
        got = self.run(self.store.redeem(ticket.id, digest, check(number), uses, 60 * MINUTE))
        assert got is expected

    @precondition(lambda self: any(one.counted and one.state is State.APPROVED for one in self.tickets))
    @rule(data=st.data(), to=st.sampled_from([State.REVOKED, State.SUPERSEDED]))
    def take_back_what_was_used_and_ask_for_it_again(self, data: st.DataObject, to: State) -> None:
        """Rare enough in a random history to be asked for."""
        used = [one for one in self.tickets if one.counted and one.state is State.APPROVED]
        ticket = data.draw(st.sampled_from(used))
        digest, number = self.drafts[ticket.id].fingerprint.digest, ticket.counted[-1][0]
        rev = ticket.rev
        if ticket.end(to, self.now):
            if to is State.REVOKED:
                assert self.run(self.store.end(ticket.id, rev, to, ending()))
            else:
                wanted = draft(f"/{ticket.id}", self.drafts[ticket.id].requester.name)
                assert self.run(self.store.supersede(ticket.id, rev, wanted))
                self.opened(wanted, f"/{ticket.id}", wanted.requester.name, ticket.seats)
                ticket.replaced_by = wanted.id
        expected = ticket.redeem(number, 4, 60 * MINUTE, self.now, same=True)
        assert self.run(self.store.redeem(ticket.id, digest, check(number), 4, 60 * MINUTE)) is expected

    @rule(step=st.sampled_from([1, 1, 4_000, 10_000, 5 * MINUTE, 10 * MINUTE]), swept=st.booleans())
    def pass_time(self, step: int, swept: bool) -> None:
        self.run(advance(self.store.link, step))
        self.now += step
        if swept:
            over = sum(ticket.sweep(self.now) for ticket in self.tickets)
            assert self.run(self.store.expire_due(1_000)) == over

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        for ticket in self.tickets:
            loaded = self.run(self.store.load(ticket.id))
            assert loaded is not None
            got = loaded.ticket
            assert got.draft == self.drafts[ticket.id]
            found = (got.state, got.rev, got.withdrawals, got.replaced_by)
            assert found == (ticket.state, ticket.rev, ticket.withdrawals, ticket.replaced_by)
            assert (got.uses_left, len(got.redemptions)) == (ticket.uses - ticket.taken, ticket.taken)
            assert [one.person for one in got.votes] == ticket.voters
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
        assert told == {
            one.id: (one.state, one.rev, len(one.voters), one.taken, one.replaced_by) for one in self.tickets
        }

    @invariant()
    def open_tickets_are_counted_once_by_requester_and_once_by_rule(self) -> None:
        reply = self.run(self.store.link.command("ZRANGE", KEYS.requesters, 0, -1))
        assert isinstance(reply, list)
        places = Counter(place.rpartition(b":")[2].decode() for place in reply if isinstance(place, bytes))
        waiting = [ticket for ticket in self.tickets if ticket.state is State.PENDING]
        assert places.keys() == {ticket.id for ticket in waiting}
        # The place by its rule of one that is overdue goes with the rule's next ticket, if that comes before the sweep.
        assert all(places[ticket.id] == 2 or ticket.state_at(self.now) is State.EXPIRED for ticket in waiting)

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


GUARDS = [
    (redeem_module, USES_GUARD, ""),
    (redeem_module, "if replayed and has_id", "if has_id"),
    (withdraw_module, "known[1] ~= 'pending' or ", ""),
    (end_module, "(from == 'pending' and known[2] ~= rev) or ", ""),
    (end_module, "(from == 'pending' and known[2] ~= rev)", "known[2] ~= rev"),
    (supersede_module, " or known[2] ~= rev then", " then"),
    (vote_module, "tonumber(number) - withdrawals ~=", "tonumber(number) ~="),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("module", "guard", "instead"),
    GUARDS,
    ids=["uses", "replay", "withdraw", "cancel", "revoke", "supersede", "vote"],
)
def test_a_script_without_a_guard_is_found_out(
    settings: RedisSettings, monkeypatch: pytest.MonkeyPatch, module: ModuleType, guard: str, instead: str
) -> None:
    source = module._SCRIPT.source.decode()
    assert guard in source
    monkeypatch.setattr(module, "_SCRIPT", Script.of(source.replace(guard, instead)))
    long_enough = hypothesis.settings(PROFILE, max_examples=200, phases=[Phase.generate], derandomize=True)
    machine = histories_on(settings.url)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=long_enough)
