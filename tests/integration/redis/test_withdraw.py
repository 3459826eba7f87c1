from __future__ import annotations

import asyncio
from typing import cast

import pytest

from authz.adapters.redis import withdraw as withdraw_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script
from authz.adapters.redis.store import RedisTicketStore
from authz.domain import voting
from authz.domain.errors import RecordUnreadable
from authz.domain.events import EventType
from authz.domain.ticket import Choice, State, Ticket
from authz.domain.voting import WITHDRAWALS_MAX, WITHDRAWALS_PER_PERSON_MAX
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, draft, vote


async def voted_on(store: RedisTicketStore, *people: str) -> Ticket:
    """A pending ticket with an approval of each of these."""
    ticket = (await store.create(draft())).ticket
    for person in people:
        votes = [*ticket.votes, vote(who=person)]
        loaded = await store.vote(ticket.id, ticket.rev, votes, State.PENDING, {})
        assert loaded is not None
        ticket = loaded.ticket
    return ticket


async def test_a_withdrawn_vote_counts_no_more_and_the_audit_says_whose_it_was(
    store: RedisTicketStore,
) -> None:
    ticket = await voted_on(store, "bob", "carol")
    withdrawn = await store.withdraw(ticket.id, 3, "bob")
    assert withdrawn is not None
    assert withdrawn.ticket.votes == ticket.votes[1:]
    assert (withdrawn.ticket.rev, withdrawn.ticket.withdrawals) == (4, 1)
    assert withdrawn.ticket.state is State.PENDING
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert loaded.ticket == withdrawn.ticket
    event = (await store.events("0", 10, 0))[-1]
    assert (event.type, event.rev, event.at) == (EventType.VOTE_WITHDRAWN, 4, withdrawn.now)
    by = {"person": "bob", "identity": {"ns": "idp", "id": "bob"}, "name": "bob"}
    assert event.data == {"by": by, "choice": "approve"}


async def test_a_vote_after_a_withdrawal_gets_a_number_of_its_own(store: RedisTicketStore) -> None:
    ticket = await voted_on(store, "bob", "carol")
    withdrawn = await store.withdraw(ticket.id, 3, "bob")
    assert withdrawn is not None
    votes = [*withdrawn.ticket.votes, vote(Choice.REJECT, "bob")]
    again = await store.vote(ticket.id, 4, votes, State.REJECTED, {})
    assert again is not None
    assert [(one.person, one.choice) for one in again.ticket.votes] == [
        ("carol", Choice.APPROVE),
        ("bob", Choice.REJECT),
    ]
    assert again.ticket.votes[0] == ticket.votes[1], "nobody else's vote was written over"


async def test_a_vote_counted_before_a_withdrawal_changes_nothing(store: RedisTicketStore) -> None:
    """Whoever still counts the withdrawn vote asks for a state that it would lead to."""
    ticket = await voted_on(store, "bob")
    await store.withdraw(ticket.id, 2, "bob")
    for rev in (2, 3):
        late = await store.vote(ticket.id, rev, [*ticket.votes, vote(who="carol")], State.APPROVED, {})
        assert late is None


@pytest.mark.parametrize(("rev", "person"), [(1, "bob"), (3, "bob"), (2, "carol"), (2, "")])
async def test_another_rev_or_somebody_without_a_vote_changes_nothing(
    store: RedisTicketStore, link: Link, rev: int, person: str
) -> None:
    ticket = await voted_on(store, "bob")
    assert await store.withdraw(ticket.id, rev, person) is None
    assert await link.command("XLEN", KEYS.audit) == 2


@pytest.mark.parametrize("decision", [State.APPROVED, State.REJECTED])
async def test_a_vote_that_decided_stays(store: RedisTicketStore, decision: State) -> None:
    ticket = (await store.create(draft())).ticket
    await store.vote(ticket.id, 1, [vote()], decision, {})
    assert await store.withdraw(ticket.id, 2, "bob") is None


async def test_after_the_deadline_a_vote_stays_even_if_nobody_swept(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = await voted_on(store, "bob")
    await advance(link, 30 * MINUTE)
    assert await store.withdraw(ticket.id, 2, "bob") is None


@pytest.mark.parametrize("identifier", ["0-" + "a" * 26, "9-" + "a" * 26, "rubbish"])
async def test_no_ticket_stays_no_ticket(store: RedisTicketStore, link: Link, identifier: str) -> None:
    assert await store.withdraw(identifier, 1, "bob") is None
    assert await link.command("KEYS", "*ticket*") == []


async def changed_their_mind(store: RedisTicketStore, ticket: Ticket, person: str, times: int) -> int:
    """Let somebody vote and withdraw in turns; return how often they could withdraw."""
    for done in range(times):
        loaded = await store.load(ticket.id)
        assert loaded is not None
        rev, votes = loaded.ticket.rev, loaded.ticket.votes
        assert await store.vote(ticket.id, rev, [*votes, vote(who=person)], State.PENDING, {})
        if await store.withdraw(ticket.id, rev + 1, person) is None:
            return done
    return times


async def test_there_is_an_end_to_withdrawing(store: RedisTicketStore) -> None:
    ticket = await voted_on(store)
    for number in range(WITHDRAWALS_MAX // WITHDRAWALS_PER_PERSON_MAX):
        assert await changed_their_mind(store, ticket, f"person-{number}", 5) == 5
    assert await changed_their_mind(store, ticket, "bob", 1) == 0


@pytest.mark.parametrize("person", ["bob", "bob\udcff \ue000\"'"])
async def test_one_person_does_not_use_up_what_others_may_withdraw(
    store: RedisTicketStore, person: str
) -> None:
    ticket = await voted_on(store)
    assert await changed_their_mind(store, ticket, person, 9) == WITHDRAWALS_PER_PERSON_MAX
    assert await changed_their_mind(store, ticket, "carol", 1) == 1
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert [one.person for one in loaded.ticket.withdrawn] == [*[person] * 5, "carol"]
    times = [one.at for one in loaded.ticket.withdrawn]
    assert times == sorted(times)
    assert times[-1] <= loaded.now


async def test_without_the_bound_of_each_one_person_uses_it_all_up(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voting, "WITHDRAWALS_PER_PERSON_MAX", WITHDRAWALS_MAX + 1)
    ticket = await voted_on(store)
    assert await changed_their_mind(store, ticket, "bob", 50) == WITHDRAWALS_MAX
    assert await changed_their_mind(store, ticket, "carol", 1) == 0


async def test_a_mark_of_the_release_before_counts_for_nobody(store: RedisTicketStore, link: Link) -> None:
    """It names none; in all it counts."""
    ticket = await voted_on(store)
    assert await changed_their_mind(store, ticket, "bob", 5) == 5
    key = KEYS.ticket(ticket.id)
    at = cast("bytes", await link.command("HGET", key, "withdrawn:0")).partition(b" ")[0]
    await link.command("HSET", key, "withdrawn:0", at)
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert (loaded.ticket.withdrawals, [one.person for one in loaded.ticket.withdrawn]) == (5, ["bob"] * 4)
    assert await changed_their_mind(store, ticket, "bob", 3) == 1


async def test_a_lost_vote_is_not_taken_for_a_withdrawn_one(store: RedisTicketStore, link: Link) -> None:
    ticket = await voted_on(store, "bob", "carol")
    await link.command("HDEL", KEYS.ticket(ticket.id), "vote:0")
    with pytest.raises(RecordUnreadable):
        await store.load(ticket.id)


async def test_a_key_of_another_type_is_refused_before_anything_is_written(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = await voted_on(store, "bob")
    await link.command("DEL", KEYS.outbox)
    await link.command("SET", KEYS.outbox, "meddled")
    with pytest.raises(RecordUnreadable, match="outbox is a string"):
        await store.withdraw(ticket.id, 2, "bob")
    assert await link.command("XLEN", KEYS.audit) == 2
    await link.command("DEL", KEYS.outbox)


async def test_of_50_withdrawals_of_one_vote_one_counts(store: RedisTicketStore, link: Link) -> None:
    ticket = await voted_on(store, "bob")
    results = await asyncio.gather(*(store.withdraw(ticket.id, 2, "bob") for _ in range(50)))
    assert sum(result is not None for result in results) == 1
    assert await link.command("XLEN", KEYS.audit) == 3


async def test_without_the_comparison_a_vote_is_taken_from_a_decided_ticket(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for before the decision arrives after it."""
    source = withdraw_module._SCRIPT.source.decode()
    guard = "known[1] ~= 'pending' or known[2] ~= rev or"
    assert guard in source
    monkeypatch.setattr(withdraw_module, "_SCRIPT", Script.of(source.replace(guard, "")))
    ticket = (await store.create(draft())).ticket
    await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    withdrawn = await store.withdraw(ticket.id, 2, "bob")
    assert withdrawn is not None
    assert (withdrawn.ticket.state, withdrawn.ticket.votes) == (State.APPROVED, ())
