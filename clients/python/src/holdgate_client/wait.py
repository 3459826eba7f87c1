from __future__ import annotations

from dataclasses import replace
from typing import Final

from holdgate_client.errors import TicketNotSeen, WaitStopped, WaitTimeout
from holdgate_client.hold import Hold
from holdgate_client.pace import GAP, Pace
from holdgate_client.patience import Patience
from holdgate_client.plain_text import plain
from holdgate_client.ticket import Ticket
from holdgate_client.wire import Clock

_UNSEEN_AT_MOST: Final = 3


class Wait:
    """One wait: on which ticket, until when, and what went wrong meanwhile."""

    def __init__(self, clock: Clock, patience: Patience, ticket: Ticket, hold: Hold) -> None:
        self.pace = Pace(patience, clock.now())
        self.ticket = ticket
        self.hold = hold
        self.failures = 0
        self._unseen = 0
        self._prompt = True
        self._patience = patience
        self._clock = clock
        self._last_failure: Exception | None = None
        self._told: Hold | None = None

    async def meet(self, ticket: Ticket, hold: Hold) -> None:
        """Take in what was heard, and tell the caller if it is news."""
        hold = replace(hold, ticket=ticket)
        self.ticket, self.hold = ticket, hold
        self.failures, self._last_failure = 0, None
        if hold != self._told:
            self._told = hold
            await self._clock.tell(hold)

    async def approved(self, *, presented: bool) -> None:
        """Pause before an approved request is sent, but not the first time.

        `presented` says whether the answer that it is approved came to a request with the ticket, which should have
        gone through: then something is wrong. Raises TicketNotSeen, WaitTimeout and WaitStopped.
        """
        if presented:
            self._unseen += 1
            if self._unseen == _UNSEEN_AT_MOST:
                raise TicketNotSeen(
                    f"Ticket {self.hold.id} is approved, and the gate answers as if the request came without it: "
                    "something on the way takes the header x-approval-ticket off.",
                    self.ticket,
                    self.hold,
                )
            await self.pause(self.pace.backoff(self._unseen, None))
        elif not self._prompt:
            await self.pause(GAP)
        self._prompt = False

    async def pause(self, seconds: float) -> None:
        """Pause, at the longest until the patience is over. Raises WaitTimeout and WaitStopped."""
        left = self.pace.left(self._clock.now())
        if left > 0:
            await self._pause(min(seconds, left))
            left = self.pace.left(self._clock.now())
        if left <= 0:
            raise WaitTimeout(
                f"{self._held()}: not decided within {self._patience.total:g} seconds.",
                self.ticket,
                self.hold,
            ) from self._last_failure

    async def decided(self) -> None:
        """Take in that somebody has decided. Raises WaitStopped, so that a stop goes before a vote."""
        self._prompt = False
        await self._pause(0)

    async def pause_after(self, failure: Exception | None, hint: float | None = None) -> None:
        """Pause after something went wrong: longer each time. Raises as `pause`."""
        self.failures += 1
        self._last_failure = failure
        await self.pause(self.pace.backoff(self.failures, hint))

    async def _pause(self, seconds: float) -> None:
        if await self._clock.pause(seconds):
            raise WaitStopped(f"{self._held()}: the wait was stopped.", self.ticket, self.hold)

    def _held(self) -> str:
        awaiting = f", waiting for {'; '.join(self.hold.awaiting)}" if self.hold.awaiting else ""
        return plain(f"The request is held as ticket {self.hold.id} (rule {self.hold.rule}){awaiting}")
