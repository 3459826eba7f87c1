"""The chat room of a whole gate: the stand-in for Teams Workflows, in a thread of the test process."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from authz.entrypoints.demo.workflows_receiver import WorkflowsReceiver

_SIGNATURE = "s3cr3t-signature"
_PATIENCE_SECONDS = 15.0


class GateRoom:
    """`webhook` is the address to post to."""

    def __init__(self, receiver: WorkflowsReceiver, webhook: str) -> None:
        self._receiver = receiver
        self.webhook = webhook

    def cards(self, ticket_id: str) -> int:
        """Say how many cards name this ticket."""
        return sum(ticket_id in json.dumps(message) for message in self._receiver.messages)

    def wait_for_card(self, ticket_id: str) -> None:
        """Wait until a ticket's card is there."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self.cards(ticket_id):
            assert time.monotonic() < deadline, f"no card for {ticket_id}"
            time.sleep(0.02)


@contextmanager
def room() -> Iterator[GateRoom]:
    """Serve until the block ends."""
    receiver = WorkflowsReceiver(_SIGNATURE, keep=2000, per_second=0)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        config = uvicorn.Config(receiver.app(), lifespan="off", ws="none", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield GateRoom(receiver, f"http://127.0.0.1:{listener.getsockname()[1]}{receiver.path()}")
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
