"""The state of a ticket, for whoever shows its token: the console and the check server tell it alike."""

from __future__ import annotations

from collections.abc import Sequence

from authz.domain.answer import Respond
from authz.domain.problems import Problem
from authz.domain.token import TokenMint
from authz.services.check.responses import problem, status
from authz.services.ports import Loaded, TicketStore


class TicketStatus:
    """Answers what became of a ticket. The token is all that counts, whoever is signed in."""

    def __init__(self, store: TicketStore, mint: TokenMint, public_url: str) -> None:
        """`public_url` is where people review."""
        self._store = store
        self._mint = mint
        self._public_url = public_url

    def proven(self, ticket_id: str, tokens: Sequence[str]) -> str | None:
        """Return the id in the path if exactly one token was shown and it is this ticket's. No look-up is made."""
        identifier = self._mint.verify(tokens[0]) if len(tokens) == 1 else None
        return identifier if identifier == ticket_id else None

    async def of(self, ticket_id: str) -> Respond:
        """Answer for the ticket whose token was shown. Raises StoreUnavailable and RecordUnreadable."""
        return self.told(await self.look(ticket_id))

    async def look(self, ticket_id: str) -> Loaded | None:
        """Return the ticket as it is now. Raises StoreUnavailable and RecordUnreadable."""
        return await self._store.load(ticket_id)

    def told(self, loaded: Loaded | None) -> Respond:
        """Answer 200 with the ticket, and as for any other token where there is none (any more)."""
        if loaded is None:
            return problem(Problem.REFUSED)
        return status(loaded.ticket, loaded.now, self._public_url)
