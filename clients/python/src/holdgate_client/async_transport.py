from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection

import httpx

from holdgate_client.answer import LIMIT, Answer, AsyncPrefixed, document, with_body, worth_reading
from holdgate_client.async_clock import AsyncClock, Sleep
from holdgate_client.conversation import Conversation
from holdgate_client.hold import Hold
from holdgate_client.patience import Patience
from holdgate_client.redaction import redact_logs


class AsyncHoldgateTransport(httpx.AsyncBaseTransport):
    """As HoldgateTransport, for httpx.AsyncClient. Cancelling the task ends the wait."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        patience: Patience | None = None,
        on_hold: Callable[[Hold], object] | None = None,
        resend_lost: Collection[str] = (),
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Take the transport to send by; an httpx.AsyncHTTPTransport of its own if none.

        `on_hold` may be a coroutine function. `sleep` is the event loop's: `trio.sleep` for Trio. The others are as in
        HoldgateTransport.
        """
        redact_logs()
        self._transport = transport if transport is not None else httpx.AsyncHTTPTransport()
        self._patience = patience if patience is not None else Patience()
        self._on_hold = on_hold
        self._resend_lost = frozenset(method.upper() for method in resend_lost)
        self._sleep = sleep

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, for as long as it takes."""
        wire = _Wire(self._transport, self._on_hold, self._sleep)
        return await Conversation(wire, request, self._patience, self._resend_lost).response()

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._transport.aclose()


class _Wire(AsyncClock):
    def __init__(
        self, transport: httpx.AsyncBaseTransport, on_hold: Callable[[Hold], object] | None, sleep: Sleep
    ) -> None:
        super().__init__(on_hold, sleep)
        self._transport = transport

    async def send(self, request: httpx.Request) -> Answer:
        response = await self._transport.handle_async_request(request)
        if not worth_reading(response):
            return Answer(response)
        body = _body(response)
        try:
            raw, rest = await _read(body)
        except BaseException:
            await body.aclose()
            raise
        if rest is not None:
            return Answer(with_body(response, AsyncPrefixed(raw, rest, body)))
        await body.aclose()
        return Answer(with_body(response, httpx.ByteStream(raw)), document(response, raw))

    async def ask(self, request: httpx.Request, seconds: float) -> Answer:
        until = self.now() + seconds
        response = await self._transport.handle_async_request(request)
        body = _body(response)
        try:
            raw, rest = await _read(body, lambda: self.now() > until)
        finally:
            await body.aclose()
        return Answer(response, document(response, raw) if rest is None else None)


def _body(response: httpx.Response) -> httpx.AsyncByteStream:
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("AsyncHoldgateTransport needs a transport that answers with an AsyncByteStream")
    return response.stream


async def _read(
    body: httpx.AsyncByteStream, late: Callable[[], bool] = lambda: False
) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """Read a body of Holdgate's; return also what is left of one that is too long or too slow for it."""
    raw, chunks = bytearray(), aiter(body)
    async for chunk in chunks:
        raw += chunk
        if len(raw) > LIMIT or late():
            return bytes(raw), chunks
    return bytes(raw), None
