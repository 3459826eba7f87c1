"""The demo's stand-in for Teams Workflows, which fails as a test wants it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from authz.entrypoints.demo.workflows_receiver import WorkflowsReceiver


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request. Faults are taken in order, one by each request.

    With `status` the message is not kept and this is the answer, with `headers`. With `hang_s` the message
    is kept, and the answer comes so many seconds later: too late for a shorter timeout.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_s: float = 0.0


class FaultyReceiver(WorkflowsReceiver):
    """The webhook, in front of which some requests go wrong."""

    def __init__(
        self,
        signature: str,
        *,
        keep: int = 200,
        per_second: int = 4,
        faults: Iterable[Fault] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(signature, keep=keep, per_second=per_second, clock=clock)
        self._faults = deque(faults)

    def add_fault(self, fault: Fault) -> None:
        """Let this go wrong after the faults that are still to come."""
        self._faults.append(fault)

    async def _post(self, request: Request) -> Response:
        fault = self._faults.popleft() if self._faults else Fault()
        if fault.status:
            response = Response(status_code=fault.status, headers=dict(fault.headers))
            await self._keep(response, "fault", None)
            return response
        response = await super()._post(request)
        await asyncio.sleep(fault.hang_s)
        return response
