"""The chat room of a whole gate: the stand-in for Teams Workflows, in a thread of the test process."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from authz.adapters.teams.elements import BREAK
from tests.support.faulty_receiver import Fault, FaultyReceiver
from tests.support.waiting import until

_SIGNATURE = "s3cr3t-signature"
_BREAK = json.dumps(BREAK).strip('"')
_LONGER_THAN_ANYBODY_WAITS_S = 60.0


class GateRoom:
    """`webhook` is the address to post to."""

    def __init__(self, receiver: FaultyReceiver, webhook: str) -> None:
        self._receiver = receiver
        self.webhook = webhook

    def cards(self, ticket_id: str) -> int:
        """Say how many cards name this ticket."""
        return len(self._about(ticket_id))

    def text(self, ticket_id: str) -> str:
        """Return the cards that name this ticket, as JSON, without the breaks of long words."""
        return "\n".join(self._about(ticket_id))

    def _about(self, ticket_id: str) -> list[str]:
        texts = [json.dumps(message).replace(_BREAK, "") for message in self._receiver.messages]
        return [text for text in texts if ticket_id in text]

    def leave_next_unanswered(self) -> None:
        """Take the next message as ever, and not say so before anybody would wait for it."""
        self._receiver.add_fault(Fault(hang_s=_LONGER_THAN_ANYBODY_WAITS_S))

    def wait_for_card(self, ticket_id: str) -> None:
        """Wait until a ticket's card is there."""
        until(f"a card for {ticket_id}", lambda: self.cards(ticket_id) > 0)


@contextmanager
def room() -> Iterator[GateRoom]:
    """Serve until the block ends."""
    receiver = FaultyReceiver(_SIGNATURE, keep=2000, per_second=0)
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
