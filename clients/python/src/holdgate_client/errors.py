"""What can end a held request other than with the upstream's answer.

    HoldgateError                 an httpx.HTTPError, so that what handles those handles these
    ├── Answered                  Holdgate answered with a problem: `problem` says which
    │   ├── Refused               403: it will not go through like this
    │   │   ├── Rejected          a person said no
    │   │   ├── Expired           nobody approved it in time
    │   │   ├── Lapsed            approved, but not used in time
    │   │   ├── Cancelled         the requester took the request back
    │   │   ├── Revoked           somebody took the approval back
    │   │   ├── Superseded        the policy asks for something else by now
    │   │   ├── UsedUp            used as often as it was approved for
    │   │   ├── Insufficient      the policy asks for more than was approved
    │   │   ├── TicketRefused     the ticket is none, or somebody else's
    │   │   └── NotPermitted      not the caller's to ask for
    │   ├── Changed               409: another request than the approved one; `parts` names what differs
    │   ├── TicketOver            409: too late to take it back
    │   ├── Unfit                 400, 404, 405, 413, 428: nothing that could be held
    │   ├── RequesterUnknown      503: nothing verified who asks
    │   ├── TooMany               429: too many wait already, or were let through unreviewed
    │   └── Outage                503: it could not be judged, so it was not carried out
    └── Unfinished                the wait ended here; `ticket` goes on with it
        ├── WaitTimeout           the patience was over
        ├── WaitStopped           the caller's `stop` was set
        ├── NotReplayable         the body is a stream, which can't be sent twice
        ├── TicketNotSeen         something on the way takes the ticket's header off
        └── LostAnswer            sent once approved, and the answer was lost: it may have been carried out

A problem type that is newer than this library is an Answered itself.
"""

from __future__ import annotations

import httpx

from holdgate_client.hold import Hold
from holdgate_client.plain_text import plain
from holdgate_client.problem import Problem
from holdgate_client.ticket import Ticket


class HoldgateError(httpx.HTTPError):
    """Anything that this library raises while it sends a request."""


class Answered(HoldgateError):
    """Holdgate answered in the upstream's place, with a problem: the request was not carried out."""

    def __init__(self, problem: Problem) -> None:
        """Say what the problem says."""
        super().__init__(_sentence(problem))
        self.problem = problem


class Refused(Answered):
    """It will not go through like this."""


class Rejected(Refused):
    """A person said no. `by` and `comment` say who and why, as far as the requester may know."""

    @property
    def by(self) -> str:
        """Who rejected it."""
        return self.problem.text("rejected_by")

    @property
    def comment(self) -> str:
        """Why, in their own words."""
        return self.problem.text("comment")


class Expired(Refused):
    """Nobody approved it in time."""


class Lapsed(Refused):
    """It was approved, and not used within its time."""


class Cancelled(Refused):
    """The requester took it back."""


class Revoked(Refused):
    """Somebody took the approval back."""


class Superseded(Refused):
    """The policy asks for something else by now, and what took the ticket's place is gone as well."""


class UsedUp(Refused):
    """The approval was used as often as it was given for."""


class Insufficient(Refused):
    """The policy asks for more by now than was approved."""


class TicketRefused(Refused):
    """The ticket is unknown, not a ticket, or somebody else's; nobody is told which."""


class NotPermitted(Refused):
    """Not the caller's to ask for, to break the glass for, or to take back."""


class Changed(Answered):
    """Not the request that was approved. The ticket is untouched: the request as it was still goes through."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts that differ: `method`, `path`, `body`, `header:content-type`, …."""
        return self.problem.texts("changed")


class TicketOver(Answered):
    """The ticket came to an end before it was taken back."""

    @property
    def state(self) -> str:
        """How it ended."""
        return self.problem.text("state")


class Unfit(Answered):
    """Nothing was held: the request can't be read, can't be shown whole, or has to say why it is sent.

    Or it asks for something below `/.holdgate/` that isn't there.
    """


class RequesterUnknown(Answered):
    """Nothing verified who sends the request, and an approval would belong to nobody."""


class TooMany(Answered):
    """Too many requests wait for an approval already, wait for a review of break-glass, or came at once."""


class Outage(Answered):
    """The request could not be judged right now, so it was not carried out."""


class Unfinished(HoldgateError):
    """The wait ended before the request did. `ticket` goes on with it, `hold` is what was last heard of it."""

    def __init__(self, message: str, ticket: Ticket, hold: Hold | None = None) -> None:
        """Take the ticket, and the hold unless none was met yet."""
        super().__init__(message)
        self.ticket = ticket
        self.hold = hold


class WaitTimeout(Unfinished):
    """The patience was over before the approval came. The request still waits at the gate."""


class WaitStopped(Unfinished):
    """The caller set `stop`. The request still waits at the gate."""


class NotReplayable(Unfinished):
    """The request is held, and its body is a stream that can't be sent a second time."""


class TicketNotSeen(Unfinished):
    """The request is approved, and the gate goes on answering as if it had come without its ticket."""


class LostAnswer(Unfinished):
    """The request was sent with its ticket, and the connection broke before the answer was there.

    Whether it was carried out isn't known here. `problem` is there where the gate said afterwards that the approval
    was used up, most likely by this very request.
    """

    def __init__(
        self, message: str, ticket: Ticket, hold: Hold | None = None, problem: Problem | None = None
    ) -> None:
        """As the others, with what the gate said afterwards."""
        super().__init__(message, ticket, hold)
        self.problem = problem


_OF_KIND: dict[str, type[Answered]] = {
    "rejected": Rejected,
    "expired": Expired,
    "lapsed": Lapsed,
    "cancelled": Cancelled,
    "revoked": Revoked,
    "superseded": Superseded,
    "used-up": UsedUp,
    "approval-insufficient": Insufficient,
    "ticket-refused": TicketRefused,
    "not-permitted": NotPermitted,
    "break-glass-refused": NotPermitted,
    "cancel-not-permitted": NotPermitted,
    "request-changed": Changed,
    "ticket-over": TicketOver,
    "bad-request": Unfit,
    "not-found": Unfit,
    "method-not-allowed": Unfit,
    "body-not-visible": Unfit,
    "justification-required": Unfit,
    "principal-unknown": RequesterUnknown,
    "too-many-tickets": TooMany,
    "break-glass-exhausted": TooMany,
    "unavailable": Outage,
}


def error_of(problem: Problem) -> Answered:
    """Return the error for a problem, not raised."""
    return _OF_KIND.get(problem.kind, Answered)(problem)


def _sentence(problem: Problem) -> str:
    text = ": ".join(part for part in (problem.title or problem.kind, problem.detail) if part)
    who, why = problem.text("rejected_by") or problem.text("ended_by"), problem.text("comment")
    if who:
        text += f" By {who}" + (f": “{why}”" if why else ".")
    if parts := problem.texts("changed"):
        text += f" Changed: {', '.join(parts)}."
    return plain(text, 1000)
