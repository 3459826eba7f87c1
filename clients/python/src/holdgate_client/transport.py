from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import httpx

from holdgate_client.answer import LIMIT, Answer, Prefixed, document, with_body, worth_reading
from holdgate_client.blocking_clock import BlockingClock, Stop
from holdgate_client.conversation import Conversation
from holdgate_client.hold import Hold
from holdgate_client.patience import Patience
from holdgate_client.redaction import redact_logs
from holdgate_client.wire import at_once


class HoldgateTransport(httpx.BaseTransport):
    """Sends by another transport, and waits where Holdgate holds a request for an approval.

    What comes back is the upstream's answer, or what the policy itself denies with. Raises HoldgateError where
    Holdgate answers for good, and whatever the other transport raises. Threads may share it.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        *,
        patience: Patience | None = None,
        on_hold: Callable[[Hold], object] | None = None,
        stop: Stop | None = None,
        resend_lost: Collection[str] = (),
    ) -> None:
        """Take the transport to send by; an httpx.HTTPTransport of its own if none.

        `on_hold` is called with the hold, and again with each change of it; what it raises ends the wait. `stop` ends
        all waits when it is set, at the latest after `patience.ask` seconds. `resend_lost` names the methods (`{"PUT",
        "DELETE"}`) that may be sent again when a connection broke after the approval, before the answer.
        """
        redact_logs()
        self._transport = transport if transport is not None else httpx.HTTPTransport()
        self._patience = patience if patience is not None else Patience()
        self._on_hold = on_hold
        self._stop = stop
        self._resend_lost = frozenset(method.upper() for method in resend_lost)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, for as long as it takes."""
        wire = _Wire(self._transport, self._on_hold, self._stop)
        return at_once(Conversation(wire, request, self._patience, self._resend_lost).response())

    def close(self) -> None:
        """Close the other transport."""
        self._transport.close()


class _Wire(BlockingClock):
    def __init__(
        self, transport: httpx.BaseTransport, on_hold: Callable[[Hold], object] | None, stop: Stop | None
    ) -> None:
        super().__init__(on_hold, stop)
        self._transport = transport

    async def send(self, request: httpx.Request) -> Answer:
        response = self._transport.handle_request(request)
        if not worth_reading(response):
            return Answer(response)
        body = _body(response)
        try:
            raw, rest = _read(body)
        except BaseException:
            body.close()
            raise
        if rest is not None:
            return Answer(with_body(response, Prefixed(raw, rest, body)))
        body.close()
        return Answer(with_body(response, httpx.ByteStream(raw)), document(response, raw))

    async def ask(self, request: httpx.Request, seconds: float) -> Answer:
        until = self.now() + seconds
        response = self._transport.handle_request(request)
        body = _body(response)
        try:
            raw, rest = _read(body, lambda: self.now() > until)
        finally:
            body.close()
        return Answer(response, document(response, raw) if rest is None else None)


def _body(response: httpx.Response) -> httpx.SyncByteStream:
    if not isinstance(response.stream, httpx.SyncByteStream):
        raise TypeError("HoldgateTransport needs a transport that answers with a SyncByteStream")
    return response.stream


def _read(
    body: httpx.SyncByteStream, late: Callable[[], bool] = lambda: False
) -> tuple[bytes, Iterator[bytes] | None]:
    """Read a body of Holdgate's; return also what is left of one that is too long or too slow for it."""
    raw, chunks = bytearray(), iter(body)
    for chunk in chunks:
        raw += chunk
        if len(raw) > LIMIT or late():
            return bytes(raw), chunks
    return bytes(raw), None
