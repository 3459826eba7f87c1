"""Events as they come in, over as many streams as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from authz.entrypoints.cli.tickets.client import ApprovalsClient, StreamOver
from authz.entrypoints.management.metadata_keys import POSITION_KEY
from authz.wire.holdgate.v1 import approvals_pb2 as wire


class EventStream:
    """Iterates over events, without an end. A stream lasts a bounded time; the next resumes where it stopped.

    `position` is where to go on if this ends: empty until the first stream stands.
    """

    def __init__(self, client: ApprovalsClient, ticket_ids: Sequence[str], after: str) -> None:
        """Watch these tickets (all when none is named) after a position (from now on when it is empty)."""
        self._client = client
        self._ticket_ids = ticket_ids
        self.position = after

    def __iter__(self) -> Iterator[wire.Event]:
        """Raises CommandFailed when the server goes away."""
        while True:
            try:
                yield from self._one_stream()
            except StreamOver:
                continue
            return

    def _one_stream(self) -> Iterator[wire.Event]:
        request = wire.WatchRequest(ticket_ids=self._ticket_ids, after=self.position)
        with self._client.watch(request) as call:
            self.position = next(
                (str(value) for key, value in call.initial_metadata() or () if key == POSITION_KEY),
                self.position,
            )
            for event in call:
                yield event
                self.position = event.id
