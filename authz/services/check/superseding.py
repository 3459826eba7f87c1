"""Putting a new ticket in the place of one that isn't enough any more."""

from __future__ import annotations

from authz.domain.decision import Decision, Hold
from authz.domain.errors import StoreUnavailable
from authz.domain.ticket import State, Ticket
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.holding import Holding
from authz.services.check.telling import REFUSED, Telling
from authz.services.ports import TicketStore

_LOOKS = 4


class Superseding:
    """Supersedes by compare-and-set, and looks again where somebody was faster."""

    def __init__(self, store: TicketStore, holding: Holding, telling: Telling) -> None:
        """Take the collaborators."""
        self._store = store
        self._holding = holding
        self._telling = telling

    async def instead(
        self, call: CheckCall, ticket: Ticket, decision: Decision, hold: Hold, decision_id: str
    ) -> Outcome:
        """Answer with the hold that takes the place of a live ticket, or with what became of that one meanwhile.

        Raises as `Holding.hold` does, and StoreUnavailable for a ticket that never stands still.
        """
        for _ in range(_LOOKS):
            newer = await self._holding.supersede(call, decision, hold, decision_id, ticket)
            if newer is not None:
                return newer
            loaded = await self._store.load(ticket.id)
            if loaded is None:
                return REFUSED
            ticket = loaded.ticket
            if ticket.state is State.SUPERSEDED:
                return await self._telling.successor(ticket)
            if not ticket.state_at(loaded.now).live:
                return self._telling.told(loaded, f"ticket {ticket.state_at(loaded.now).value}")
        msg = f"ticket {ticket.id} changed {_LOOKS} times while it was to be superseded"
        raise StoreUnavailable(msg)
