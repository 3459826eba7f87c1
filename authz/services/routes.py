"""Which channels are told of a ticket or of a use of break-glass, and as whom each of them is addressed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from authz.domain.events import EventType
from authz.domain.follow_up import escalated_to, follow_ups
from authz.services.ports import Alarm, Channel, Posting
from authz.services.teller import Teller

DEFAULT_ROUTE: Final = "default"

OUTCOMES: Final = frozenset(
    {
        EventType.TICKET_APPROVED,
        EventType.TICKET_REJECTED,
        EventType.TICKET_EXPIRED,
        EventType.GRANT_REVOKED,
    }
)
"""What a requester is told. Cancelling is the requester's own doing, and who is held anew has the new ticket."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Channels by name, and the names of the channels of each route. There is a route `default`.

    The routes in `tell_requester` have the requester told of the outcome, by those of their channels in `tellers`.
    """

    channels: Mapping[str, Channel]
    routes: Mapping[str, Sequence[str]]
    tell_requester: frozenset[str] = frozenset()
    tellers: Mapping[str, Teller] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for a route to a channel that doesn't exist, and where there is no default.

        A route may be empty: its tickets are on the page and the command line, and nobody is told.
        """
        if DEFAULT_ROUTE not in self.routes:
            msg = f"routes: {DEFAULT_ROUTE!r} is missing"
            raise ValueError(msg)
        for route, names in self.routes.items():
            for name in names:
                if name not in self.channels:
                    msg = f"routes: {route!r} names the channel {name!r}, which the settings don't define"
                    raise ValueError(msg)

    def unknown(self, posting: Posting | Alarm) -> list[str]:
        """Return the routes that the settings don't have (any more), in whose place the default is taken."""
        return [route for route in _routes_of(posting) if route not in self.routes]

    def told(self, posting: Posting | Alarm) -> list[str]:
        """Return the names of the channels that post something for this event, each once."""
        names = self._leading_to(_routes_of(posting))
        return [name for name in dict.fromkeys(names) if posting.type in self.channels[name].events]

    def telling_requester(self, posting: Posting) -> list[str]:
        """Return the names of the channels that tell the requester of this event, each once."""
        if posting.type not in OUTCOMES:
            return []
        known = (self._known(route) for route in _routes_of(posting))
        names = self._leading_to(route for route in known if route in self.tell_requester)
        return [name for name in dict.fromkeys(names) if name in self.tellers]

    def addressed(self, name: str, posting: Posting) -> Posting:
        """Return the posting for one channel: a copy where no route that leads there is asked to decide."""
        ticket = posting.ticket
        requirement = ticket.draft.requirement
        asked = self._leading_to((*requirement.notify, *escalated_to(ticket, posting.now)))
        elsewhere = posting.type is EventType.TICKET_ESCALATED and name not in self._leading_to(
            each.route for each in follow_ups(ticket) if (each.type, each.rev) == (posting.type, posting.rev)
        )
        if name not in asked:
            posting = replace(posting, copied=True, designated=())
        return replace(posting, elsewhere=True, body=None) if elsewhere else posting

    def _leading_to(self, routes: Iterable[str]) -> list[str]:
        return [name for route in routes for name in self.routes[self._known(route)]]

    def _known(self, route: str) -> str:
        return route if route in self.routes else DEFAULT_ROUTE


def _routes_of(posting: Posting | Alarm) -> tuple[str, ...]:
    if isinstance(posting, Alarm):
        terms = posting.review.draft.break_glass
        return (*terms.notify, *terms.cc)
    requirement = posting.ticket.draft.requirement
    return (*requirement.notify, *requirement.cc, *escalated_to(posting.ticket, posting.now))
