"""A thousand people press contrary buttons at once: one of them decides, and the others hear that it is decided."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from authz.adapters.redis import vote as vote_module
from authz.adapters.redis.card_book import RedisCardBook
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script, text_of
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.adapters.telemetry.vote_log import VoteLog
from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Identity, Person
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, State, Ticket
from authz.services.chat_deciding import ChatDeciding, Press
from authz.services.permissions import BuiltInRule
from authz.services.voting import VotingService
from tests.integration.redis.conftest import KEYS
from tests.integration.redis.drafts import draft
from tests.support.requirements import requirement

PEOPLE = 1000
ONE_OF_SRE = requirement(Approver(ApproverKind.GROUP, "sre"))
AT_ONCE = 200


class Crowd:
    """Whoever asks is somebody of their own, and of sre."""

    async def person(self, identity: Identity, timeout: float) -> Person | None:  # noqa: ARG002 - the port's
        return Person(identity.id, identity.id, frozenset({"sre"}), "test")


async def pressed(
    store: RedisTicketStore, settings: RedisSettings, ticket: Ticket, people: int
) -> Counter[str]:
    """Have so many people press contrary buttons; return how often which code came of it."""
    rules = SignInRules(frozenset({"strong"}))
    voting = VotingService(store, Crowd(), BuiltInRule(), rules, timeout=1, observer=VoteLog())
    deciding = ChatDeciding(store, voting, RedisCardBook(store, settings))
    bound = asyncio.Semaphore(AT_ONCE)

    async def press(number: int) -> str:
        async with bound:
            answer = await deciding.decide(
                Press(
                    channel="ops",
                    callback=f"press-{number}",
                    at=ticket.created_at + 1,
                    method="teams",
                    identity=Identity("tenant", f"person-{number}"),
                    name="",
                    ticket_id=ticket.id,
                    choice=list(Choice)[number % 2],
                    comment="no",
                    shown_digest=ticket.draft.fingerprint.payload_digest,
                )
            )
            return answer.code

    return Counter(await asyncio.gather(*(press(number) for number in range(people))))


async def test_one_of_a_thousand_contrary_presses_decides(
    store: RedisTicketStore, settings: RedisSettings, link: Link
) -> None:
    ticket = (await store.create(replace(draft("/one"), requirement=ONE_OF_SRE))).ticket
    with capture_logs() as lines:
        assert await pressed(store, settings, ticket, PEOPLE) == {"": 1, "already-decided": PEOPLE - 1}
    refused = {line["identity"] for line in lines if line["event"] == "vote.refused"}
    assert len(refused) == PEOPLE - 1, "each is in the log by name"
    assert await link.command("XLEN", KEYS.audit) == 3, "created, one vote, and what it led to"
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert len(loaded.ticket.votes) == 1
    assert loaded.ticket.state in {State.APPROVED, State.REJECTED}


async def test_without_the_comparison_several_would(
    store: RedisTicketStore, settings: RedisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the script takes a vote whatever happened to the ticket since it was read."""
    guards = (
        "known[1] ~= 'pending' or known[2] ~= rev or tonumber(number) - withdrawals ~= tonumber(earlier_votes)\n  or ",
        "redis.call('HEXISTS', ticket, 'vote:' .. number) == 1",
    )
    source = text_of("prelude") + text_of("vote")
    for guard, nothing in zip(guards, ("", "false"), strict=True):
        assert guard in source
        source = source.replace(guard, nothing)
    monkeypatch.setattr(vote_module, "_SCRIPT", Script.of(source))
    ticket = (await store.create(replace(draft("/one"), requirement=ONE_OF_SRE))).ticket
    codes = await pressed(store, settings, ticket, 20)
    assert codes[""] > 1
