"""Where a route says so, the requester is told the outcome in private, once, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from authz.domain.errors import PolicyUnavailable
from authz.domain.events import EventType
from authz.domain.identity import Identity, Person
from authz.domain.ticket import State, Ticket
from authz.services import errands as errands_module
from authz.services.ports import DeliveryDelayed, DeliveryRefused, Posting
from authz.services.routes import OUTCOMES
from tests.support.people import SampleDirectory
from tests.support.sample_tickets import ISSUER, REQUIREMENT, approved, ended, ticket
from tests.unit.delivery.doubles import FakeChannel
from tests.unit.delivery.rig import Rig, notice

APPROVED = EventType.TICKET_APPROVED
DEFAULT = frozenset({"default"})
ALICE = Identity(ISSUER, "alice-1")
IN_CHAT = "told alice"


@dataclass
class ChattyChannel(FakeChannel):
    """A channel that can tell people in private. `says` is what it answers, or raises first."""

    told: list[tuple[Person, Posting]] = field(default_factory=list)
    says: list[str | Exception] = field(default_factory=list)

    async def tell(self, person: Person, posting: Posting) -> str:
        self.told.append((person, posting))
        answer = self.says.pop(0) if self.says else IN_CHAT
        if isinstance(answer, Exception):
            raise answer
        return answer


class Rigged(Rig):
    """A worker with one chatty channel `slack`, on a ticket of alice's that is approved."""

    def __init__(
        self,
        kind: EventType = APPROVED,
        of: Ticket | None = None,
        attempt: int = 1,
        tell_requester: frozenset[str] = DEFAULT,
        directory: SampleDirectory | None = None,
    ) -> None:
        of = of or approved(ticket())
        self.slack = ChattyChannel()
        super().__init__(
            notice(kind=kind, of=of, attempt=attempt),
            channels={"slack": self.slack, "hook": FakeChannel()},
            tell_requester=tell_requester,
            directory=directory,
        )
        self.tickets.by_id[of.id] = of

    async def settled(self) -> None:
        await self.run_until(lambda: not self.outbox.waiting and not self.outbox.leased)
        assert self.watched.crashes == []


@pytest.mark.parametrize("kind", EventType)
async def test_outcomes_are_told_and_nothing_else(kind: EventType) -> None:
    if kind.value.startswith("breakglass"):
        return
    worker = Rigged(kind)
    await worker.settled()
    assert bool(worker.slack.told) is (kind in OUTCOMES)


async def test_the_directory_says_who_it_is_and_the_posting_how_it_stands() -> None:
    worker = Rigged()
    await worker.settled()
    [(person, posting)] = worker.slack.told
    assert (person.id, person.accounts) == ("alice", (ALICE,))
    assert (posting.type, posting.ticket.state, posting.body) == (APPROVED, State.APPROVED, None)
    [receipts] = worker.outbox.done.values()
    assert receipts == {"slack": "receipt-1", "hook": "receipt-1", "slack requester": IN_CHAT}


async def test_without_the_word_of_a_route_nobody_is_told() -> None:
    worker = Rigged(tell_requester=frozenset())
    await worker.settled()
    assert worker.slack.told == []


async def test_a_route_of_those_who_are_only_copied_can_say_so() -> None:
    copied = approved(ticket(requirement=replace(REQUIREMENT, notify=("silent",), cc=("default",))))
    worker = Rigged(of=copied)
    await worker.settled()
    assert len(worker.slack.told) == 1


async def test_a_route_that_was_removed_is_the_default_in_this_too() -> None:
    worker = Rigged(of=approved(ticket(requirement=replace(REQUIREMENT, notify=("gone",)))))
    await worker.settled()
    assert len(worker.slack.told) == 1


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_retry_tells_nobody_again(monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """Control: without a receipt of its own, it would be told with every attempt of another channel."""
    worker = Rigged()
    worker.channels["hook"].answers = [DeliveryDelayed("503"), DeliveryDelayed("503")]
    if not guarded:
        noting = worker.outbox.accepted

        async def forgetful(of: object, channel: str, receipt: str) -> None:
            if not channel.endswith("requester"):
                await noting(of, channel, receipt)  # type: ignore[arg-type]

        monkeypatch.setattr(worker.outbox, "accepted", forgetful)
    await worker.settled()
    assert len(worker.slack.told) == (1 if guarded else 3)
    assert len(worker.slack.postings) == 1


async def test_a_delay_is_tried_again_alone() -> None:
    worker = Rigged()
    worker.slack.says = [DeliveryDelayed("429", 2.0), IN_CHAT]
    await worker.settled()
    assert (len(worker.slack.told), len(worker.slack.postings)) == (2, 1)
    assert worker.outbox.retries[0][1] == 2_000


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_refusal_is_told_to_the_operator_and_is_no_dead_letter(
    monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Somebody who left the chat; control: needed by nobody who decides, it would still raise the alert."""
    if not guarded:
        made = errands_module.Errand
        monkeypatch.setattr(errands_module, "Errand", lambda channel, name, do, **_: made(channel, name, do))
    worker = Rigged()
    worker.slack.says = [DeliveryRefused("user_not_found")]
    await worker.settled()
    assert (worker.watched.burials == []) is guarded
    assert worker.watched.failures == [("slack requester", "user_not_found")]


async def test_an_outage_of_the_directory_delays_this_alone() -> None:
    directory = SampleDirectory()
    directory.down = True
    worker = Rigged(directory=directory)
    async with worker.running():
        await worker.outbox.until(lambda: bool(worker.outbox.retries))
        assert len(worker.slack.postings) == 1
        assert worker.slack.told == []
        directory.down = False
        await worker.outbox.until(lambda: bool(worker.outbox.done))
    assert (len(worker.slack.told), len(worker.slack.postings)) == (1, 1)


async def test_for_good_an_outage_of_the_directory_is_an_alert() -> None:
    directory = SampleDirectory()
    directory.down = True
    worker = Rigged(directory=directory)
    await worker.settled()
    [(_, why)] = worker.watched.burials
    assert (
        why
        == f"slack requester: the directory didn't say who the requester is ({PolicyUnavailable.__name__})"
    )


Of = Callable[[Ticket], Ticket]


def _shared(of: Ticket) -> Ticket:
    return replace(of, draft=replace(of.draft, shared=True))


def _stranger(of: Ticket) -> Ticket:
    requester = replace(of.draft.requester, identity=Identity(ISSUER, "zoe-1"))
    return replace(of, draft=replace(of.draft, requester=requester))


@pytest.mark.parametrize("who", [_shared, _stranger], ids=["nobody in particular", "a stranger"])
async def test_whom_nobody_knows_nobody_tells(who: Of) -> None:
    worker = Rigged(of=who(approved(ticket())))
    await worker.settled()
    assert worker.slack.told == []
    [receipts] = worker.outbox.done.values()
    assert receipts["slack requester"] == ""
    assert ("1-0", "slack requester") not in worker.watched.posts


async def test_an_account_that_the_chat_does_not_have_counts_as_no_message() -> None:
    worker = Rigged(of=ended(ticket(), State.REJECTED), kind=EventType.TICKET_REJECTED)
    worker.slack.says = [""]
    await worker.settled()
    assert ("1-0", "slack requester") not in worker.watched.posts
    assert worker.outbox.buried == {}
