"""What is to be done for one notice: a post to each channel of its routes, and who is told in private."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from authz.domain.events import EventType
from authz.domain.follow_up import FollowUp, follow_ups, to_come
from authz.domain.identity import Person
from authz.domain.ticket import State
from authz.services.bodies import kept_body
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryObserver, Loaded, Notice, Posting
from authz.services.reach import Reach
from authz.services.review_port import Reviewed
from authz.services.routes import Routes

_OF_REVIEWS: Final = frozenset({EventType.BREAKGLASS_USED, EventType.BREAKGLASS_REVIEWED})
_FOLLOW_UPS: Final = frozenset({EventType.TICKET_REMINDED, EventType.TICKET_ESCALATED})
_OPENING: Final = frozenset({EventType.TICKET_CREATED, EventType.TICKET_ESCALATED})
_CALLING: Final = frozenset({EventType.TICKET_CREATED, EventType.TICKET_REMINDED})
"""What calls people by name. An escalation is for others than those who were called."""


class TicketReader(Protocol):
    """What this needs of a TicketStore."""

    async def load(self, ticket_id: str) -> Loaded | None:
        """See TicketStore."""
        ...

    async def body(self, ticket_id: str) -> bytes | None:
        """See TicketStore."""
        ...


class ReviewReader(Protocol):
    """What this needs of a ReviewStore."""

    async def review(self, review_id: str) -> Reviewed | None:
        """See ReviewStore."""
        ...


class Schedule(Protocol):
    """What this needs of an Outbox."""

    async def schedule(self, notice: Notice, due: Sequence[FollowUp]) -> None:
        """See Outbox."""
        ...


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to do for a notice, with one channel. `name` is what its receipt is kept under.

    `do` returns the receipt, "" where there was nobody to tell, and raises ChannelFailed. Without `needed` nobody
    misses it who has to decide, so that a refusal isn't worth a dead letter.
    """

    channel: str
    name: str
    do: Callable[[], Awaitable[str]]
    needed: bool = True


class Errands:
    """Reads what a notice is about, and says what is to be done for it."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is one collaborator, named at the only call
        self,
        schedule: Schedule,
        tickets: TicketReader,
        reviews: ReviewReader,
        routes: Routes,
        reach: Reach,
        observer: DeliveryObserver,
    ) -> None:
        self._schedule = schedule
        self._tickets = tickets
        self._reviews = reviews
        self._routes = routes
        self._reach = reach
        self._observer = observer

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return len(self._routes.channels)

    async def of(self, notice: Notice) -> Sequence[Errand] | None:
        """Return what is to be done, nothing where nobody is told, None when what it is about is gone.

        Before anybody is told of a new ticket, its reminder and escalations are scheduled: whatever becomes of this
        notice, they come. Raises StoreUnavailable and RecordUnreadable.
        """
        if notice.type in _OF_REVIEWS:
            return await self._of_review(notice)
        loaded = await self._tickets.load(notice.ticket_id)
        if loaded is None:
            return [] if notice.type in _FOLLOW_UPS else None
        pending = loaded.ticket.state_at(loaded.now) is State.PENDING
        if notice.type in _FOLLOW_UPS and not (pending and _demanded(notice, loaded)):
            return []
        if notice.type is EventType.TICKET_CREATED and pending and (due := to_come(loaded.ticket)):
            await self._schedule.schedule(notice, due)
        return await self._of_ticket(notice, loaded, pending=pending)

    async def _of_review(self, notice: Notice) -> Sequence[Errand] | None:
        reviewed = await self._reviews.review(notice.ticket_id)
        if reviewed is None:
            return None
        alarm = Alarm(notice.type, reviewed.review, reviewed.now, notice.rev, notice.at)
        channels = self._routes.channels
        return [
            Errand(name, name, partial(channels[name].alarm, alarm)) for name in self._told(notice, alarm)
        ]

    async def _of_ticket(self, notice: Notice, loaded: Loaded, *, pending: bool) -> Sequence[Errand]:
        ticket = loaded.ticket
        posting = Posting(notice.type, ticket, loaded.now, rev=notice.rev)
        told = self._told(notice, posting)
        body: bytes | None = None
        designated: tuple[Person, ...] = ()
        if told and notice.type in _OPENING:  # what comes later follows a card that showed it
            body = await kept_body(self._tickets, ticket)
        if told and pending and notice.type in _CALLING:
            designated = await self._reach.designated(
                ticket, partial(self._observer.directory_failed, notice)
            )
        whole = Posting(
            notice.type, ticket, loaded.now, body, notice.rev, designated=designated, happened_at=notice.at
        )
        channels = self._routes.channels
        posts = [
            Errand(name, name, partial(channels[name].send, self._routes.addressed(name, whole)))
            for name in told
        ]
        in_private = self._routes.telling_requester(posting)
        return [*posts, *(self._telling(name, posting) for name in in_private)]

    def _told(self, notice: Notice, posting: Posting | Alarm) -> Sequence[str]:
        for route in self._routes.unknown(posting):
            self._observer.unknown_route(notice, route)
        return self._routes.told(posting)

    def _telling(self, channel: str, posting: Posting) -> Errand:
        # A channel's name has no space, so this is nobody else's.
        do = partial(self._tell_requester, channel, posting)
        return Errand(channel, f"{channel} requester", do, needed=False)

    async def _tell_requester(self, channel: str, posting: Posting) -> str:
        """Tell who asked what became of it. The ticket's token isn't in a posting, and is nobody's to send."""
        try:
            person = await self._reach.requester(posting.ticket)
        except (PolicyUnavailable, PolicyMalformed) as error:
            msg = f"the directory didn't say who the requester is ({type(error).__name__})"
            raise DeliveryDelayed(msg) from error
        return "" if person is None else await self._routes.tellers[channel].tell(person, posting)


def _demanded(notice: Notice, loaded: Loaded) -> bool:
    return (notice.type, notice.rev) in {(each.type, each.rev) for each in follow_ups(loaded.ticket)}
