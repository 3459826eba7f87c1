from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from holdgate_client.ticket import Ticket

PENDING = "pending"
APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Hold:
    """What a held request waits for, as far as its requester may know.

    `state` is `pending`, `approved`, or how it ended. `given` of `needed` approvals are there; `awaiting` says in words
    whom the others are asked of. Times are in UTC. `status_url` and `review_url` (the page on which people decide) are
    absolute. `ticket` goes on with the request elsewhere, or takes it back. The texts are the server's and the
    policy's: print them with `holdgate_client.plain`.
    """

    id: str
    state: str
    rule: str = ""
    reason: str = ""
    detail: str = ""
    given: int = 0
    needed: int = 0
    awaiting: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    status_url: str | None = None
    review_url: str | None = None
    ticket: Ticket | None = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(cls, document: Mapping[str, object], status_url: str | None = None) -> Hold | None:
        """Read the members of a hold or of a ticket's status; None without an id and a state.

        What else is missing or of another type is left empty, so that servers to come may say less and more.
        """
        identifier, state = document.get("id"), document.get("state")
        if not (isinstance(identifier, str) and identifier and isinstance(state, str) and state):
            return None
        progress, links = _object(document.get("progress")), _object(document.get("links"))
        awaiting = progress.get("awaiting")
        review = _text(links.get("review"))
        return cls(
            identifier,
            state,
            rule=_text(document.get("rule")),
            reason=_text(document.get("reason")),
            detail=_text(document.get("detail")),
            given=_number(progress.get("given")),
            needed=_number(progress.get("needed")),
            awaiting=tuple(map(_text, awaiting)) if isinstance(awaiting, list) else (),
            created_at=_time(document.get("created_at")),
            expires_at=_time(document.get("expires_at")),
            status_url=status_url,
            review_url=review if review.startswith(("https://", "http://")) else None,
        )


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return time if time.tzinfo is not None else None
