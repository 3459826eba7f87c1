from __future__ import annotations

from typing import Final

import httpx

from holdgate_client.answer import Answer
from holdgate_client.hold import PENDING
from holdgate_client.outgoing import question, question_lasts
from holdgate_client.pace import GAP
from holdgate_client.patience import Patience
from holdgate_client.reading import status
from holdgate_client.retry_after import retry_after
from holdgate_client.wait import Wait
from holdgate_client.wire import Wire

_SERVER_ERROR: Final = 500
_ERRORS_AT_MOST: Final = 3
_SHORT_AFTER: Final = 2


class Asking:
    """Asks after tickets (`GET /.holdgate/tickets/ID`) until somebody has decided.

    That changes nothing, so it may be repeated whatever went wrong, which the request itself may not. Where the gate
    offers no status, or something on the way keeps it away, `works` is false from then on.
    """

    def __init__(self, wire: Wire, patience: Patience, request: httpx.Request) -> None:
        self._wire = wire
        self._patience = patience
        self._request = request
        self.works = True

    async def until_decided(self, wait: Wait, hint: float | None) -> None:
        """Return when the ticket waits no more, or when the request itself has to be the question.

        `hint` is how many seconds the gate said to wait. Raises WaitTimeout and WaitStopped.
        """
        # A question that is kept open takes the place of the wait that the gate named.
        await wait.pause(GAP if self.works and self._patience.ask else wait.pace.pause(hint))
        while self.works and wait.hold.status_url is not None:
            began = self._wire.now()
            try:
                answer = await self._ask(wait)
            except httpx.TransportError as error:
                await wait.pause_after(error)
                continue
            heard = status(answer, wait.hold)
            if heard is not None:
                await wait.meet(wait.ticket, heard.hold)
                if heard.hold.state != PENDING:
                    await wait.decided()
                    return
                took = self._wire.now() - began
                await wait.pause(wait.pace.after(took, heard.retry_after))
            elif answer.response.status_code >= _SERVER_ERROR and wait.failures < _ERRORS_AT_MOST:
                await wait.pause_after(None, retry_after(answer.response.headers))
            else:
                self.works = False

    async def _ask(self, wait: Wait) -> Answer:
        # Something that cuts silent connections off does so each time; a short question gets through.
        seconds = 0 if wait.failures >= _SHORT_AFTER else wait.pace.ask(self._wire.now())
        asking = question(self._request, wait.hold, wait.ticket, seconds)
        return await self._wire.ask(asking, question_lasts(seconds))
