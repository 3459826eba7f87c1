"""One `holdgate call`: sends, waits, prints."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from authz import __version__
from authz.entrypoints.cli.call.endings import exit_of_status
from authz.entrypoints.cli.call.exit_codes import CallExit
from authz.entrypoints.cli.call.planned_request import PlannedRequest
from authz.entrypoints.cli.call.progress import Progress
from holdgate_client import AsyncHoldgateTransport, Patience, Ticket

_TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Session:
    """What one call needs beside the request. `timeout` is the request's own, in seconds; so is `patience.total`."""

    request: PlannedRequest
    patience: Patience
    timeout: float
    tls: ssl.SSLContext
    follow: bool
    include: bool
    output: str | None

    def run(self, progress: Progress, ticket: Ticket | None) -> CallExit:
        """Send it, wait and print the answer.

        Raises HoldgateError, httpx.HTTPError, OSError; KeyboardInterrupt at SIGINT, asyncio.CancelledError at SIGTERM.
        """
        return asyncio.run(self._cancelled_by_sigterm(self._run(progress, ticket)))

    def take_back(self, ticket: Ticket) -> str:
        """Take the request back as the one who made it; return the ticket's state after that. Raises as `run`."""
        return asyncio.run(self._take_back(ticket))

    async def _cancelled_by_sigterm(self, running: Coroutine[None, None, CallExit]) -> CallExit:
        """Run a coroutine; asyncio does the same with SIGINT itself, unless that is ignored."""
        task = asyncio.ensure_future(running)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    async def _run(self, progress: Progress, ticket: Ticket | None) -> CallExit:
        request = self.request
        extensions = {} if ticket is None else {"holdgate_ticket": ticket}
        async with self._client(progress) as client:
            ticking = asyncio.create_task(_tick(progress))
            try:
                async with client.stream(
                    request.method,
                    request.url,
                    headers=request.headers,
                    content=request.body,
                    extensions=extensions,
                ) as response:
                    ticking.cancel()
                    progress.clear()
                    await self._print(response)
            finally:
                ticking.cancel()
                progress.clear()
        if not response.is_success:
            sys.stderr.write(f"holdgate: {response.status_code} {response.reason_phrase}\n")
        return exit_of_status(response.status_code)

    async def _take_back(self, ticket: Ticket) -> str:
        headers = [pair for pair in self.request.headers if not pair[0].lower().startswith(b"content-")]
        async with self._client(None) as client:
            response = await client.delete(
                httpx.URL(self.request.url).join(f"/.holdgate/tickets/{ticket.id}"),
                headers=headers,
                extensions={"holdgate_ticket": ticket},
            )
            response.raise_for_status()
            return str(response.json()["state"])

    def _client(self, progress: Progress | None) -> httpx.AsyncClient:
        transport = AsyncHoldgateTransport(
            httpx.AsyncHTTPTransport(verify=self.tls),
            patience=self.patience,
            on_hold=None if progress is None else progress.hear,
        )
        return httpx.AsyncClient(
            transport=transport,
            headers={"user-agent": f"holdgate/{__version__}"},
            timeout=self.timeout,
            follow_redirects=self.follow,
        )

    async def _print(self, response: httpx.Response) -> None:
        with self._opened() as out:
            if self.include:
                out.write(
                    f"{response.http_version} {response.status_code} {response.reason_phrase}\r\n".encode()
                )
                out.writelines(name + b": " + value + b"\r\n" for name, value in response.headers.raw)
                out.write(b"\r\n")
            async for chunk in response.aiter_bytes():
                out.write(chunk)
            out.flush()

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        if self.output is None:
            yield sys.stdout.buffer
        else:
            with Path(self.output).open("wb") as file:
                yield file


async def _tick(progress: Progress) -> None:
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        progress.draw()
