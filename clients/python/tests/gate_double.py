"""A gate in a few lines, that answers as docs/problems.md says, and a clock that nobody has to wait for."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from holdgate_client import AsyncHoldgateTransport, HoldgateTransport, Patience
from holdgate_client.hold import Hold

TICKET = "x-approval-ticket"
GATE = "https://gate.test"
PATH = "/resources/db-orders"
URL = GATE + PATH
STATUS_PREFIX = "/.holdgate/tickets/"

Trouble = httpx.Response | Exception
Document = dict[str, Any]


def token(number: int = 1) -> str:
    """Return the token of the ticket with this number."""
    return f"hg1.k1.{identifier(number)}.{'s3cret' * 7}{number}"


def identifier(number: int = 1) -> str:
    """Return the id of the ticket with this number."""
    return f"0-ticket{number}"


@dataclass
class Time:
    """Seconds that pass when somebody waits for them, and at once."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)
    then: Callable[[], object] | None = None
    stopped: bool = False

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        if self.then is not None:
            self.then()

    def wait(self, timeout: float) -> bool:
        if not self.stopped:
            self.sleep(timeout)
        return self.stopped

    async def asleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.sleep(seconds)


@dataclass
class GateDouble:
    """Holds every request but one with an approved ticket.

    `asked` and `sent` are what came, `done` how much went through.
    """

    time: Time
    state: str = "pending"
    number: int = 1
    held_status: int = 202
    retry_after: int = 5
    decided_after: int | None = 2
    decision: str = "approved"
    waits: bool = False
    offers_status: bool = True
    members: Document = field(default_factory=dict)
    sent: list[httpx.Request] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)
    done: int = 0
    upstream: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(
        200, json={"deleted": True}
    )
    troubles_of_asks: deque[Trouble] = field(default_factory=deque)
    troubles_of_tickets: deque[Trouble] = field(default_factory=deque)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        if request.url.path.startswith(STATUS_PREFIX) and self.offers_status:
            return self.status(request)
        self.sent.append(request)
        presented = request.headers.get_list(TICKET)
        if presented and self.troubles_of_tickets:
            return _meet(self.troubles_of_tickets.popleft())
        if presented and presented != [token(self.number)] and self.state != "superseded":
            return problem("ticket-refused", 403)
        if self.state == "superseded":
            self.state, self.number = "pending", self.number + 1
        if presented and self.state == "approved":
            self.done += 1
            self.state = "used-up"
            return self.upstream(request)
        if self.state in {"pending", "approved"}:
            if not self.offers_status:
                self._one_more_question()
            return self.hold()
        return problem(self.state.replace("_", "-"), 403, **self.members)

    def status(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.troubles_of_asks:
            return _meet(self.troubles_of_asks.popleft())
        if request.headers.get_list(TICKET) != [token(self.number)]:
            return problem("ticket-refused", 403)
        self._one_more_question()
        if self.waits and self.state == "pending":
            self.time.now += int(request.headers.get("prefer", "wait=0").partition("=")[2])
        return httpx.Response(200, json=self.view(), headers={"retry-after": str(self.retry_after)})

    def hold(self) -> httpx.Response:
        members = self.view() | {"token": token(self.number), "detail": "Held."}
        kind = "application/json"
        if self.held_status != 202:
            kind = "application/problem+json"
            members |= {"type": "urn:holdgate:problem:held", "title": "Held", "status": self.held_status}
        headers = {
            "content-type": kind,
            "retry-after": str(0 if self.state == "approved" else self.retry_after),
            "link": f'<{STATUS_PREFIX}{identifier(self.number)}>; rel="status"',
            TICKET: token(self.number),
        }
        return httpx.Response(self.held_status, headers=headers, content=json.dumps(members))

    def view(self) -> Document:
        return {
            "id": identifier(self.number),
            "state": self.state,
            "rule": "delete-resource",
            "reason": "deletes a production resource",
            "created_at": "2026-03-02T09:11:07Z",
            "expires_at": "2026-03-02T09:41:07Z",
            "retry_after": self.retry_after,
            "progress": {"given": 0, "needed": 1, "awaiting": ["sre"]}
            if self.state == "pending"
            else {"given": 1, "needed": 1, "awaiting": []},
            "links": {
                "status": STATUS_PREFIX + identifier(self.number),
                "review": f"https://holdgate.test/tickets/{identifier(self.number)}",
            },
        } | self.members

    def _one_more_question(self) -> None:
        if self.decided_after is not None:
            self.decided_after -= 1
            if self.decided_after <= 0 and self.state == "pending":
                self.state, self.decided_after = self.decision, None


def problem(
    kind: str, status: int, headers: dict[str, str] | None = None, **members: object
) -> httpx.Response:
    """Return an answer with a problem of Holdgate's."""
    document = {
        "type": f"urn:holdgate:problem:{kind}",
        "title": kind.capitalize(),
        "status": status,
        "detail": f"It is {kind}.",
        **members,
    }
    return httpx.Response(
        status,
        headers={"content-type": "application/problem+json", **(headers or {})},
        content=json.dumps(document),
    )


def _meet(trouble: Trouble) -> httpx.Response:
    if isinstance(trouble, Exception):
        raise trouble
    return trouble


Handler = Callable[[httpx.Request], httpx.Response]


class OverTheWire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Takes a request's bytes as a connection does: once, and without keeping them for the client."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        return self._arrived(request, b"".join(request.stream))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        return self._arrived(request, b"".join([chunk async for chunk in request.stream]))

    def _arrived(self, request: httpx.Request, body: bytes) -> httpx.Response:
        arrived = httpx.Request(
            request.method,
            request.url,
            headers=request.headers.raw,
            stream=httpx.ByteStream(body),
            extensions=request.extensions,
        )
        arrived.read()
        return self._handler(arrived)


@dataclass
class Caller:
    """A client, sync or async. It has `heard` what was told of the hold, and collects how it waited in `time`."""

    kind: str
    time: Time
    handler: Handler
    patience: Patience = field(default_factory=lambda: Patience(total=600))
    resend_lost: frozenset[str] = frozenset()
    heard: list[Hold] = field(default_factory=list)
    on_hold: Callable[[Hold], object] | None = None

    def send(self, method: str = "DELETE", url: str = URL, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Send one request with a client of its own, whose other settings are httpx's defaults."""
        if self.kind == "sync":
            with httpx.Client(transport=self.transport(), follow_redirects=True) as client:
                return client.request(method, url, **options)
        return asyncio.run(self._send(method, url, options))

    def transport(self) -> HoldgateTransport:
        return HoldgateTransport(
            OverTheWire(self.handler),
            patience=self.patience,
            on_hold=self.on_hold or self.heard.append,
            stop=self.time,
            resend_lost=self.resend_lost,
        )

    def async_transport(self) -> AsyncHoldgateTransport:
        return AsyncHoldgateTransport(
            OverTheWire(self.handler),
            patience=self.patience,
            on_hold=self.on_hold or self.heard.append,
            resend_lost=self.resend_lost,
            sleep=self.time.asleep,
        )

    async def _send(self, method: str, url: str, options: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(transport=self.async_transport(), follow_redirects=True) as client:
            return await client.request(method, url, **options)

    def streamed(self, *chunks: bytes) -> Iterator[bytes] | AsyncIterator[bytes]:
        """Return a body that can be read once."""

        def generate() -> Iterator[bytes]:
            yield from chunks

        async def agenerate() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        return generate() if self.kind == "sync" else agenerate()
