"""The demo's chat room: the stand-in webhook as a process of its own, on a socket that it is handed."""

from __future__ import annotations

import os
import socket
import sys
from typing import Final

import uvicorn

from authz.entrypoints.demo.room_pages import RoomPages
from authz.entrypoints.demo.workflows_receiver import WorkflowsReceiver

SIGNATURE: Final = "ROOM_SIGNATURE"
"""The environment variable with the secret part of the webhook's address; an argument would show in `ps`."""


def main() -> None:
    """Serve on the listening socket whose descriptor is the argument."""
    listening = socket.socket(fileno=int(sys.argv[1]))
    receiver = WorkflowsReceiver(os.environ[SIGNATURE])
    pages = RoomPages(lambda: receiver.messages)
    config = uvicorn.Config(
        receiver.app(pages.routes()), lifespan="off", server_header=False, access_log=False
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
