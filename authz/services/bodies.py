"""What is kept of the body of a held or reviewed request, for people to see."""

from __future__ import annotations

from typing import Protocol

from authz.domain.break_glass import Review
from authz.domain.ticket import Ticket


class BodyReader(Protocol):
    """What this needs of a TicketStore."""

    async def body(self, ticket_id: str) -> bytes | None:
        """See TicketStore."""
        ...


async def kept_body(store: BodyReader, held: Ticket | Review) -> bytes | None:
    """Return as much of the body as is kept: b"" for a request without one, None where it was deleted.

    Raises StoreUnavailable and RecordUnreadable.
    """
    return await store.body(held.id) if held.draft.request.body_size else b""
