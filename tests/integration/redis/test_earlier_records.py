"""What the release before stored, as it stored it (records/), under the scripts of this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from authz.adapters.redis import codec
from authz.adapters.redis.link import Link
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.domain.ticket import State, Ticket
from authz.services.ports import RedeemResult
from tests.integration.redis.conftest import KEYS
from tests.integration.redis.drafts import MINUTE, check, vote

RECORDS = json.loads((Path(__file__).parent / "records" / "v1.json").read_text("utf-8"))
BODY = bytes(range(256))


async def restored(store: RedisTicketStore, link: Link, name: str) -> Ticket:
    """Put a stored hash back, with deadlines that lie ahead."""
    fields = dict(RECORDS[name])
    seconds, _ = cast("list[bytes]", await link.command("TIME"))
    ahead = int(seconds) * 1000 + 10 * MINUTE
    fields |= {field: str(ahead) for field in ("expires_at", "window_until") if field in fields}
    identifier = json.loads(fields["record"])["value"]["id"]
    flat = [text for pair in fields.items() for text in pair]
    await link.command("HSET", KEYS.ticket(identifier), *flat)
    await link.command("PEXPIRE", KEYS.ticket(identifier), 60 * MINUTE)
    loaded = await store.load(identifier)
    assert loaded is not None
    return loaded.ticket


@pytest.mark.parametrize("name", RECORDS)
async def test_a_ticket_is_read_with_all_it_holds(store: RedisTicketStore, link: Link, name: str) -> None:
    ticket = await restored(store, link, name)
    assert ticket.state == name
    assert (ticket.draft.requester.name, ticket.draft.request.body_size) == ("alice", 256)
    assert ticket.draft.request.headers == (("content-type", b"application/json"),)
    assert await store.body(ticket.id) == BODY
    if name == "approved":
        assert [(cast_vote.person, cast_vote.comment) for cast_vote in ticket.votes] == [("bob", "fine")]
        assert [use.check.http_id for use in ticket.redemptions] == ["7"]


async def test_a_pending_ticket_is_decided_and_redeemed(store: RedisTicketStore, link: Link) -> None:
    ticket = await restored(store, link, "pending")
    assert await store.vote(ticket.id, ticket.rev, [vote()], State.APPROVED, {})
    digest = ticket.draft.fingerprint.digest
    assert await store.redeem(ticket.id, digest, check(1), 1, MINUTE) is RedeemResult.REDEEMED
    assert await store.redeem(ticket.id, digest, check(2), 1, MINUTE) is RedeemResult.USED_UP


async def test_an_approved_one_gives_what_is_left_of_it(store: RedisTicketStore, link: Link) -> None:
    ticket = await restored(store, link, "approved")
    approved_long_ago = 100 * 365 * 24 * 60 * MINUTE
    digest = ticket.draft.fingerprint.digest
    results = [await store.redeem(ticket.id, digest, check(n), 2, approved_long_ago) for n in range(2)]
    assert results == [RedeemResult.REDEEMED, RedeemResult.USED_UP]


async def test_a_ticket_without_a_body_has_none(store: RedisTicketStore, link: Link) -> None:
    ticket = await restored(store, link, "pending")
    record = json.loads(RECORDS["pending"]["record"])
    record["value"]["request"]["body"] = ""
    text = json.dumps(record, separators=(",", ":"))
    await link.command("HSET", KEYS.ticket(ticket.id), "record", text)
    assert await store.body(ticket.id) is None


async def test_control_a_release_that_does_not_know_the_format_reads_none_of_them(
    store: RedisTicketStore, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the release before meets what this one stores: an outage, and never half a ticket."""
    monkeypatch.setattr(codec, "raised", lambda stored: stored)
    for name in RECORDS:
        with pytest.raises(RecordUnreadable, match="not one this release can read"):
            await restored(store, link, name)
