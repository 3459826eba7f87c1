"""One HTTP/1.1 connection to OPA with one question under way at most.

A protocol of our own over httptools' parser, because this hop is taken on every request and a general HTTP client
takes two to three times the CPU for it (measured; docs/performance.md).

    Broken   the connection ended, or what came is no HTTP answer
    TooLong  the answer is longer than it may be
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

import httptools

# Status line, headers and the framing of chunks. OPA sends a few hundred bytes.
_OVERHEAD_BYTES = 65_536


class Broken(Exception):
    """No answer. `untouched` is True where not one byte of one had come."""

    def __init__(self, why: str, *, untouched: bool = False) -> None:
        super().__init__(why)
        self.untouched = untouched


class TooLong(Exception):
    """The answer's body is longer than the bound."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer; `reusable` says whether the next question may use the same connection."""

    status: int
    body: bytes
    reusable: bool


class Connection(asyncio.Protocol):
    """Made by the event loop's `create_connection`. An answer is only ever given to the question before it."""

    def __init__(self, max_answer_bytes: int) -> None:
        """`max_answer_bytes` bounds one answer's body."""
        self._max_answer_bytes = max_answer_bytes
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiting: asyncio.Future[HttpAnswer] | None = None
        self._begin()

    @property
    def usable(self) -> bool:
        """Whether a question may be asked: connected, nobody waits, and nothing came that nobody asked for."""
        return self._transport is not None and not self._transport.is_closing() and self._parser is None

    async def ask(self, question: bytes) -> HttpAnswer:
        """Send a whole HTTP request and return its answer. After any error, `abort` it. Raises Broken and TooLong."""
        if not self.usable or self._transport is None:
            raise Broken("the connection is closed", untouched=True)
        self._begin()
        self._parser = httptools.HttpResponseParser(self)
        self._waiting = self._loop.create_future()
        self._transport.write(question)
        return await self._waiting

    def abort(self) -> None:
        """Close at once; what is under way at the other end is given up."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        # By its name alone: uvloop's transports don't inherit from asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._fail(Broken(type(exc).__name__ if exc else "closed by OPA", untouched=not self._received))

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._parser is None:
            # Kept, it would be taken for the answer to the next question.
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(Broken(type(error).__name__))
            return
        if self._body_bytes > self._max_answer_bytes:
            self._fail(TooLong())
        elif self._messages > 1 or self._received > self._max_answer_bytes + _OVERHEAD_BYTES:
            self._fail(Broken("more than one answer, or endless headers"))
        elif self._complete:
            self._answer()

    def on_message_begin(self) -> None:
        """See httptools."""
        self._messages += 1

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        self._body_bytes += len(body)
        if self._body_bytes <= self._max_answer_bytes:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """See httptools. The answer is given when all that came with it has been looked at."""
        if self._parser is not None:
            # Only now: afterwards the parser has forgotten.
            self._reusable = self._parser.should_keep_alive()
        self._complete = True

    def _begin(self) -> None:
        self._received = self._body_bytes = self._messages = 0
        self._body: list[bytes] = []
        self._complete = self._reusable = False

    def _answer(self) -> None:
        if self._parser is None or self._waiting is None:
            return
        answer = HttpAnswer(self._parser.get_status_code(), b"".join(self._body), self._reusable)
        self._parser = None
        if not self._waiting.done():
            self._waiting.set_result(answer)

    def _fail(self, error: Broken | TooLong) -> None:
        self._parser = None
        self.abort()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
