"""What this release stores, kept as it stored it (records/v2.json), for this one and the next to read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from authz.adapters.redis.link import Link
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.ticket import Choice, State, Ticket
from tests.integration.redis.conftest import KEYS
from tests.integration.redis.drafts import MINUTE, ending

RECORDS = json.loads((Path(__file__).parent / "records" / "v2.json").read_text("utf-8"))


async def put_back(link: Link, name: str, key_of: str) -> str:
    """Store a hash again; return its id."""
    identifier: str = json.loads(RECORDS[name]["record"])["value"]["id"]
    key = {"ticket": KEYS.ticket, "review": KEYS.review}[key_of](identifier)
    await link.command("HSET", key, *(text for pair in RECORDS[name].items() for text in pair))
    await link.command("PEXPIRE", key, 60 * MINUTE)
    return identifier


async def ticket(store: RedisTicketStore, link: Link, name: str) -> Ticket:
    loaded = await store.load(await put_back(link, name, "ticket"))
    assert loaded is not None
    return loaded.ticket


@pytest.mark.parametrize("state", State)
async def test_a_ticket_of_each_stored_state_is_read(
    store: RedisTicketStore, link: Link, state: State
) -> None:
    if state.value not in RECORDS:  # it differs from another by nothing but its name
        assert state in {State.EXPIRED, State.USED_UP, State.LAPSED}
        return
    got = await ticket(store, link, state.value)
    assert got.state is state
    assert (got.draft.requester.name, got.draft.requirement.uses) == ("alice", 2)
    assert (got.ended_at is None) == state.live


async def test_votes_withdrawals_endings_and_uses_are_read(store: RedisTicketStore, link: Link) -> None:
    withdrawn = await ticket(store, link, "withdrawn")
    assert ([one.person for one in withdrawn.votes], withdrawn.withdrawals) == (["carol"], 1)
    assert [one.choice for one in (await ticket(store, link, "rejected")).votes] == [Choice.REJECT]
    assert [use.check.http_id for use in (await ticket(store, link, "approved")).redemptions] == ["7"]
    assert (await ticket(store, link, "cancelled")).ending == ending()
    assert (await ticket(store, link, "revoked")).ending == ending("bob")
    assert (await ticket(store, link, "superseded")).replaced_by.startswith("0-")


async def test_reviews_are_read(store: RedisTicketStore, settings: RedisSettings, link: Link) -> None:
    reviews = RedisReviewStore(store, settings)
    waiting = await reviews.review(await put_back(link, "open-review", "review"))
    done = await reviews.review(await put_back(link, "done-review", "review"))
    assert waiting is not None
    assert done is not None
    assert (waiting.review.done_at, waiting.review.draft.break_glass.group) == (None, "oncall")
    assert done.review.done_by == ending("bob")


async def test_events_are_read(store: RedisTicketStore, link: Link) -> None:
    for fields in RECORDS["events"]:
        await link.command("XADD", KEYS.audit, "*", *(text for pair in fields.items() for text in pair))
    events = await store.events("0", 100, 0)
    assert [event.type.value for event in events] == [fields["type"] for fields in RECORDS["events"]]
    assert {event.type.value for event in events} >= {"vote.withdrawn", "ticket.superseded", "grant.revoked"}
