"""Serves the console with uvicorn inside a process that does other things, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

CONNECTIONS_MAX = 256
HEADERS_MAX = 32_768
KEEP_ALIVE_SECONDS = 5
DRAIN_SECONDS = 3


class ConsoleServer(uvicorn.Server):
    """Runs until `should_exit` is set: signals are the process's, so it takes none.

    Call `await server.serve(sockets=[…])` with sockets bound by the caller, who then knows what is taken.
    """

    def __init__(self, app: ASGIApp, *, connections: int = CONNECTIONS_MAX) -> None:
        """`connections` beyond the bound are answered 503."""
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # it would write the one-time secret
                proxy_headers=False,  # it would let a header say who the peer is
                server_header=False,
                limit_concurrency=connections,
                h11_max_incomplete_event_size=HEADERS_MAX,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone."""
        yield
