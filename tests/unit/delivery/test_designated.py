"""People whom a rule names are told apart from the room, and nothing waits for the directory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from authz.domain.events import EventType
from authz.domain.identity import Identity, Person
from authz.domain.ticket import Ticket
from authz.services.ports import Posting
from authz.services.reach import DESIGNATED_MAX
from tests.support.requirements import SRE, requirement
from tests.support.sample_tickets import CREATED_AT, ISSUER, approved, ticket, vote
from tests.unit.delivery.doubles import FakeChannel
from tests.unit.delivery.rig import Rig, notice

CAROL = Identity("https://other.example", "carol-9")
IN_CHAT = Identity("team-1", "U-carol")


@dataclass
class Listing:
    """A directory of these people by their identities. `fails` is what it raises instead."""

    people: Mapping[Identity, Person] = field(default_factory=dict)
    fails: Exception | None = None
    asked: list[Identity] = field(default_factory=list)

    async def person(self, identity: Identity, timeout: float) -> Person | None:
        assert timeout > 0
        self.asked.append(identity)
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        return self.people.get(identity)


def person(name: str, *accounts: Identity) -> Person:
    return Person(name, name, frozenset(), "test", accounts=accounts)


def named(*identities: Identity, **fields: Any) -> Ticket:  # noqa: ANN401 - Requirement's own
    """Return a ticket that one of sre and all of these have to approve."""
    users = (Approver(ApproverKind.USER, user=identity) for identity in identities)
    return ticket(requirement=requirement(SRE, *users, **fields))


async def posted(of: Ticket, directory: Listing, kind: EventType = EventType.TICKET_CREATED) -> Posting:
    """Return what the channel of the ticket's route is given."""
    worker = Rig(notice(kind=kind, of=of), directory=directory)
    worker.tickets.by_id[of.id] = of
    worker.tickets.now = CREATED_AT + 120_000
    await worker.run_until(lambda: bool(worker.outbox.done))
    [posting] = worker.channels["teams"].postings
    assert len(worker.watched.unmentioned) == (directory.fails is not None)
    return posting


@pytest.mark.parametrize("kind", [EventType.TICKET_CREATED, EventType.TICKET_REMINDED])
async def test_who_is_named_is_called_by_the_accounts_of_the_directory_and_the_one_in_the_rule(
    kind: EventType,
) -> None:
    directory = Listing({CAROL: person("carol", IN_CHAT)})
    posting = await posted(named(CAROL, remind_after_ms=60_000), directory, kind)
    assert posting.designated == (person("carol", IN_CHAT, CAROL),)


async def test_a_person_named_twice_is_called_once_by_all_accounts() -> None:
    known = person("carol", IN_CHAT)
    directory = Listing({CAROL: known, IN_CHAT: known})
    assert (await posted(named(CAROL, IN_CHAT), directory)).designated == (person("carol", IN_CHAT, CAROL),)


async def test_whom_the_directory_does_not_know_is_not_called() -> None:
    """They couldn't vote either."""
    assert (await posted(named(CAROL), Listing())).designated == ()


async def test_the_requester_is_not_called() -> None:
    directory = Listing({CAROL: person("alice", IN_CHAT)})
    assert (await posted(named(CAROL), directory)).designated == ()


async def test_who_has_voted_is_not_reminded() -> None:
    of = replace(named(CAROL, remind_after_ms=60_000), votes=(vote(name="carol"),))
    posting = await posted(of, Listing({CAROL: person("carol")}), EventType.TICKET_REMINDED)
    assert posting.designated == ()


async def test_nobody_is_called_for_what_is_decided() -> None:
    directory = Listing({CAROL: person("carol")})
    posting = await posted(approved(named(CAROL)), directory, EventType.TICKET_APPROVED)
    assert (posting.designated, directory.asked) == ((), [])
    posting = await posted(approved(named(CAROL)), directory)
    assert (posting.designated, directory.asked) == ((), []), "its card was late"


async def test_a_copy_calls_nobody() -> None:
    channels = {"ops": FakeChannel(), "archive": FakeChannel()}
    of = named(CAROL, cc=("archive",))
    worker = Rig(
        notice(of=of),
        channels=channels,
        routes={"default": ("ops",), "archive": ("archive",)},
        directory=Listing({CAROL: person("carol")}),
    )
    worker.tickets.by_id[of.id] = of
    await worker.run_until(lambda: bool(worker.outbox.done))
    assert [len(channels[name].postings[0].designated) for name in ("ops", "archive")] == [1, 0]


async def test_no_more_people_are_looked_up_than_a_card_can_name() -> None:
    many = [Identity(ISSUER, f"u-{number}") for number in range(DESIGNATED_MAX + 5)]
    directory = Listing({identity: person(identity.id) for identity in many})
    assert len((await posted(named(*many), directory)).designated) == DESIGNATED_MAX
    assert len(directory.asked) == DESIGNATED_MAX


@pytest.mark.parametrize("error", [PolicyUnavailable("down"), PolicyMalformed("no person")])
async def test_an_outage_of_the_directory_keeps_no_card_back(error: Exception) -> None:
    """It is posted at once, and the log says that it mentions nobody."""
    other = Identity(ISSUER, "dave-1")
    posting = await posted(named(CAROL, other), Listing(fails=error))
    assert posting.designated == ()


async def test_where_no_channel_is_told_nobody_is_looked_up() -> None:
    directory = Listing({CAROL: person("carol")})
    of = named(CAROL)
    worker = Rig(notice(of=of), routes={"default": ()}, directory=directory)
    worker.tickets.by_id[of.id] = of
    await worker.run_until(lambda: bool(worker.outbox.done))
    assert directory.asked == []
