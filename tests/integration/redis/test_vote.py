from __future__ import annotations

import asyncio

import pytest

from authz.adapters.redis import vote as vote_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script, text_of
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.events import EventType
from authz.domain.ticket import Choice, State, Ticket
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, draft, vote


async def held(store: RedisTicketStore) -> Ticket:
    return (await store.create(draft())).ticket


async def test_an_approval_opens_the_window_by_redis_time_and_stamps_the_vote(
    store: RedisTicketStore,
) -> None:
    ticket = await held(store)
    voted = await store.vote(ticket.id, 1, [vote()], State.APPROVED, {"via": "console"})
    assert voted is not None
    got = voted.ticket
    assert (got.state, got.rev, got.uses_left) == (State.APPROVED, 2, 1)
    assert got.approved_at == got.votes[0].at == voted.now
    assert got.window_until == voted.now + 15 * MINUTE
    _, recorded, approved = await store.events("0", 10, 0)
    assert (recorded.type, approved.type) == (EventType.VOTE_RECORDED, EventType.TICKET_APPROVED)
    assert recorded.rev == approved.rev == 2
    assert recorded.data["vote"]["comment"] == "fine: „ja“"  # type: ignore[index]
    assert approved.data == {"via": "console", "window_until": got.window_until, "uses_left": 1}


async def test_a_rejection_ends_the_ticket(store: RedisTicketStore) -> None:
    ticket = await held(store)
    voted = await store.vote(ticket.id, 1, [vote(Choice.REJECT)], State.REJECTED, {})
    assert voted is not None
    assert voted.ticket.state is State.REJECTED
    assert voted.ticket.ended_at == voted.now
    assert voted.ticket.cooldown_until == voted.now + 10 * MINUTE
    events = await store.events("0", 10, 0)
    assert [event.type for event in events][1:] == [EventType.VOTE_RECORDED, EventType.TICKET_REJECTED]


async def test_votes_add_up_each_with_its_own_time(store: RedisTicketStore, link: Link) -> None:
    ticket = await held(store)
    first = await store.vote(ticket.id, 1, [vote()], State.PENDING, {})
    assert first is not None
    await advance(link, 1_000)
    second = await store.vote(ticket.id, 2, [*first.ticket.votes, vote(who="carol")], State.APPROVED, {})
    assert second is not None
    assert [one.person for one in second.ticket.votes] == ["bob", "carol"]
    assert second.ticket.votes[0] == first.ticket.votes[0]
    assert second.ticket.votes[1].at - second.ticket.votes[0].at >= 1_000


@pytest.mark.parametrize("rev", [0, 2])
async def test_a_vote_on_another_rev_changes_nothing(store: RedisTicketStore, link: Link, rev: int) -> None:
    ticket = await held(store)
    assert await store.vote(ticket.id, rev, [vote()], State.APPROVED, {}) is None
    assert await link.command("XLEN", KEYS.audit) == 1


async def test_a_vote_after_the_deadline_changes_nothing_even_if_nobody_swept(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = await held(store)
    await advance(link, 30 * MINUTE)
    assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {}) is None
    assert await link.command("XLEN", KEYS.audit) == 1


@pytest.mark.parametrize("identifier", ["0-" + "a" * 26, "9-" + "a" * 26, "rubbish"])
async def test_a_vote_on_no_ticket_leaves_no_fragment(
    store: RedisTicketStore, link: Link, identifier: str
) -> None:
    assert await store.vote(identifier, 1, [vote()], State.APPROVED, {}) is None
    assert await link.command("KEYS", "*ticket*") == []


async def test_no_vote_or_an_impossible_state_is_a_mistake_of_the_caller(store: RedisTicketStore) -> None:
    ticket = await held(store)
    with pytest.raises(ValueError, match="0 votes"):
        await store.vote(ticket.id, 1, [], State.APPROVED, {})
    with pytest.raises(ValueError, match="used_up"):
        await store.vote(ticket.id, 1, [vote()], State.USED_UP, {})


async def test_of_200_conflicting_votes_one_counts(store: RedisTicketStore, link: Link) -> None:
    ticket = await held(store)
    outcomes = [(Choice.APPROVE, State.APPROVED), (Choice.REJECT, State.REJECTED)] * 100
    results = await asyncio.gather(*(store.vote(ticket.id, 1, [vote(c)], s, {}) for c, s in outcomes))
    assert sum(result is not None for result in results) == 1
    assert await link.command("XLEN", KEYS.audit) == 3


async def test_without_the_comparison_more_than_one_counts(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    guards = (
        "known[1] ~= 'pending' or known[2] ~= rev or tonumber(number) - withdrawals ~= tonumber(earlier_votes)\n  or ",
        "redis.call('HEXISTS', ticket, 'vote:' .. number) == 1",
    )
    source = text_of("prelude") + text_of("vote")
    for guard, nothing in zip(guards, ("", "false"), strict=True):
        assert guard in source
        source = source.replace(guard, nothing)
    monkeypatch.setattr(vote_module, "_SCRIPT", Script.of(source))
    ticket = await held(store)
    votes = (store.vote(ticket.id, 1, [vote()], State.APPROVED, {}) for _ in range(5))
    results = await asyncio.gather(*votes)
    assert sum(result is not None for result in results) == 5
