"""Many tickets at once, as one posting that keeps counting, where a card for each would bury the channel.

A ticket that doesn't get its card is written down in Redis first, and its notice is settled only when the channel has
accepted a digest that counts it. So a notifier that dies loses nothing: the notice comes again, and whoever has it then
posts the digest. One of them at a time posts it, and the others' notices wait until it is their number's turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Protocol

from authz.domain.errors import StoreUnavailable
from authz.domain.events import EventType
from authz.domain.requirement import Risk
from authz.domain.ticket import State
from authz.services.card_ports import CardGone
from authz.services.digest import Digest
from authz.services.ports import Alarm, Channel, DeliveryDelayed, Posting


@dataclass(frozen=True, slots=True)
class StormSettings:
    """More than `tickets` for one channel within `window_ms` get no card each.

    A digest is changed in place every `update_ms` at most; where it can't be changed another one is posted every
    `post_ms` at most. After `quiet_ms` without such a ticket the next one gets a new digest, where people see it.
    `claim_ms` is how long others wait for one who posts it, and then take it for dead.
    """

    tickets: int = 20
    window_ms: int = 60_000
    update_ms: int = 3_000
    post_ms: int = 60_000
    quiet_ms: int = 600_000
    claim_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody's turn to post the digest, which tells of everything up to `number`.

    `reference` is the one to be changed, empty for none; `old` one that has been left behind.
    """

    number: int
    digest: Digest
    reference: str
    old: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """Somebody else posts it now, or it was posted a moment ago."""

    after_ms: int


class StormBook(Protocol):
    """Counts the tickets of each channel, for all notifiers together. Every method raises StoreUnavailable.

    What a digest has to tell is numbered, for each channel by itself.
    """

    async def enter(self, channel: str, ticket_id: str, settings: StormSettings, *, own_card: bool) -> int:
        """Count a new ticket; return the number of its place in the digest, 0 where it gets a card.

        The same ticket again gets the same answer, for as long as the window lasts at least. `own_card` says that it
        gets one whatever the count is.
        """
        ...

    async def inside(self, channel: str, ticket_id: str) -> bool:
        """Say whether a ticket is in the digest, waiting or not."""
        ...

    async def leave(self, channel: str, ticket_id: str, *, in_place: bool) -> int:
        """Count a ticket off; return the number of that change where it is to be told `in_place`, else 0."""
        ...

    async def forget(self, channel: str, ticket_id: str) -> None:
        """Count a ticket off that gets a card after all."""
        ...

    async def turn(
        self, channel: str, number: int, token: str, settings: StormSettings
    ) -> Turn | NotYet | None:
        """Return the turn to post, taken for the holder of `token`; None where `number` was told of already."""
        ...

    async def told(self, channel: str, token: str, number: int, reference: str) -> None:
        """End a turn: the digest was accepted."""
        ...

    async def give_back(self, channel: str, token: str) -> None:
        """End a turn in which nothing was told."""
        ...


class StormObserver(Protocol):
    """Is told what became of a storm. Must not raise."""

    def digested(self, channel: str) -> None:
        """A ticket is counted in the digest and gets no card."""
        ...

    def digest_told(self, channel: str, waiting: int) -> None:
        """A digest was accepted that says how many wait."""
        ...


class Storm:
    """A channel whose cards become one digest when there are too many at once."""

    def __init__(  # noqa: PLR0913 - each is one collaborator, named at the only call
        self,
        name: str,
        channel: Channel,
        post: Callable[[Digest, str], Awaitable[str]],
        book: StormBook,
        observer: StormObserver,
        *,
        in_place: bool,
        settings: StormSettings,
    ) -> None:
        """`name` is the channel's in the settings; `post` is its `digest` and `in_place` its own (see Digesting)."""
        self._name = name
        self._channel = channel
        self._post = post
        self._book = book
        self._observer = observer
        self._in_place = in_place
        self._settings = settings

    @property
    def events(self) -> frozenset[EventType]:
        """See Channel."""
        return self._channel.events

    async def alarm(self, alarm: Alarm) -> str:
        """See Channel. An alarm is never one of many."""
        return await self._channel.alarm(alarm)

    async def send(self, posting: Posting) -> str:
        """See Channel. Raises StoreUnavailable, and DeliveryDelayed until a digest has told of it."""
        pending = posting.ticket.state_at(posting.now) is State.PENDING
        if posting.type is EventType.TICKET_CREATED and pending:
            return await self._created(posting)
        if not await self._book.inside(self._name, posting.ticket.id):
            return await self._channel.send(posting)
        escalated = posting.type is EventType.TICKET_ESCALATED and posting.opening
        if self._in_place:
            return await self._changed(posting, left=escalated or not pending)
        if escalated and pending:
            await self._book.forget(self._name, posting.ticket.id)
            return await self._channel.send(posting)
        if not pending:
            await self._book.leave(self._name, posting.ticket.id, in_place=False)
        return "digest"

    async def _created(self, posting: Posting) -> str:
        high = posting.ticket.draft.requirement.risk is Risk.HIGH
        ticket_id = posting.ticket.id
        number = await self._book.enter(self._name, ticket_id, self._settings, own_card=high)
        if not number:
            return await self._channel.send(posting)
        await self._tell(number)
        self._observer.digested(self._name)
        return "digest"

    async def _changed(self, posting: Posting, *, left: bool) -> str:
        """Change the ticket's cards, if it got any meanwhile, and the count where it no longer waits for one."""
        ticket_id = posting.ticket.id
        number = await self._book.leave(self._name, ticket_id, in_place=True) if left else 0
        # What opens a card is of no use any more when the ticket was decided meanwhile.
        pending = posting.ticket.state_at(posting.now) is State.PENDING
        late = posting.opening and (posting.type is EventType.TICKET_CREATED or not pending)
        receipt = "digest" if late else await self._channel.send(posting)
        if number:
            await self._tell(number)
        return receipt

    async def _tell(self, number: int) -> None:
        """Return when a digest has told of this number. Raises DeliveryDelayed while none has."""
        token = token_hex(8)
        turn = await self._book.turn(self._name, number, token, self._settings)
        if turn is None:
            return
        if isinstance(turn, NotYet):
            msg = "one digest tells of many tickets, and the next is not due yet"
            raise DeliveryDelayed(msg, turn.after_ms / 1000, tried=False)
        try:
            reference = await self._posted(turn)
        except BaseException:
            # Where Redis is away the turn runs out by itself.
            with suppress(StoreUnavailable):
                await self._book.give_back(self._name, token)
            raise
        await self._book.told(self._name, token, turn.number, reference)
        self._observer.digest_told(self._name, turn.digest.waiting)

    async def _posted(self, turn: Turn) -> str:
        if turn.old:
            # What it points people to doesn't exist yet; the other way round a crash would leave it as it is.
            with suppress(CardGone):
                await self._post(replace(turn.digest, moved=True), turn.old)
        if turn.reference:
            try:
                return await self._post(turn.digest, turn.reference)
            except CardGone:
                pass  # somebody deleted it: there has to be one
        return await self._post(turn.digest, "")
