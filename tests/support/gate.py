"""A whole gate: real Envoy, real check servers, real OPA and Redis, and clients with real tokens.

Envoy's configuration is what `holdgate envoy-config` prints for the servers' own settings.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from authz import bootstrap
from authz.adapters.envoy_config.render import render
from authz.adapters.redis.keys import Keys
from authz.domain.identity import Identity
from authz.domain.ticket import Choice
from authz.domain.voting import Ballot
from authz.entrypoints.demo.people import ISSUER
from authz.services.review_port import Reviewed
from authz.services.voting import SignedIn, VotingService
from authz.settings import Settings
from authz.settings_loader import load_settings
from tests.e2e.envoy_config.http1 import Connection, Message, connected
from tests.support.envoy import RunningEnvoy, running_envoy
from tests.support.gate_backing import Backing
from tests.support.gate_server import SHIPPED, GateServer
from tests.support.ports import free_port
from tests.support.waiting import until

TICKET = "x-approval-ticket"
HOST = "gate.test"
KEYS = Keys.of(0)
_DELIVERED_SECONDS = 30.0
_numbers = count()

Document = dict[str, Any]
Change = Callable[[Document], object]
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Held:
    """A request that was held: what came back, and what to send again with it."""

    response: Message
    id: str
    token: str
    ticket: tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Gate:
    """A running gate and what a test does with it. `servers` are those that Envoy asks."""

    backing: Backing
    port: int
    envoy: RunningEnvoy
    servers: tuple[GateServer, ...]
    environ: Mapping[str, str]

    def request(
        self,
        target: str,
        *headers: tuple[str, bytes],
        method: str = "DELETE",
        who: str | None = "alice",
        host: str = HOST,
        body: bytes | None = None,
    ) -> bytes:
        """Return a request's bytes."""
        lines = [f"{method} {target} HTTP/1.1".encode("latin-1"), f"host: {host}".encode()]
        if who is not None:
            lines.append(f"authorization: Bearer {self.backing.token(who)}".encode())
        lines += [name.encode() + b": " + value for name, value in headers]
        if body is not None:
            lines.append(f"content-length: {len(body)}".encode())
        return b"\r\n".join([*lines, b"", body or b""])

    def send(
        self,
        target: str,
        *headers: tuple[str, bytes],
        method: str = "DELETE",
        who: str | None = "alice",
        host: str = HOST,
        body: bytes | None = None,
    ) -> Message:
        """Send one request on a connection of its own."""
        with connected(self.port) as connection:
            connection.send(self.request(target, *headers, method=method, who=who, host=host, body=body))
            return connection.response()

    def burst(self, requests: Sequence[bytes]) -> list[Message]:
        """Send each request on a connection of its own, all before the first answer is read."""
        with ExitStack() as stack:
            connections: list[Connection] = [stack.enter_context(connected(self.port)) for _ in requests]
            for connection, request in zip(connections, requests, strict=True):
                connection.send(request)
            return [connection.response() for connection in connections]

    def hold(
        self,
        target: str,
        *headers: tuple[str, bytes],
        method: str = "DELETE",
        who: str = "alice",
        host: str = HOST,
        body: bytes | None = None,
    ) -> Held:
        """Send a request that the policy holds, and return its ticket."""
        response = self.send(target, *headers, method=method, who=who, host=host, body=body)
        assert response.status == 202, (response.status, response.body)
        token = json.loads(response.body)["token"]
        return Held(response, json.loads(response.body)["id"], token, (TICKET, token.encode()))

    def approved(
        self,
        target: str,
        *headers: tuple[str, bytes],
        method: str = "DELETE",
        who: str = "alice",
        host: str = HOST,
        body: bytes | None = None,
    ) -> Held:
        """Send a request that the policy holds, let bob approve it, and return its ticket."""
        held = self.hold(target, *headers, method=method, who=who, host=host, body=body)
        self.vote(held.id)
        return held

    def vote(self, ticket_id: str, who: str = "bob", choice: Choice = Choice.APPROVE) -> None:
        """Vote as the review page does, past the front before OPA."""
        asyncio.run(self._vote(ticket_id, who, choice))

    async def _vote(self, ticket_id: str, who: str, choice: Choice) -> None:
        async with self._outside() as (settings, outside):
            loaded = await outside.store.load(ticket_id)
            assert loaded is not None
            ballot = Ballot(choice, "a comment", loaded.ticket.draft.fingerprint.payload_digest)
            await bootstrap.voting_service(settings, outside).vote(ticket_id, signed_in(who), ballot)

    def act(self, action: Callable[[VotingService], Awaitable[object]]) -> None:
        """Let somebody do something else to a ticket, as the review page does."""

        async def acted() -> None:
            async with self._outside() as (settings, outside):
                await action(bootstrap.voting_service(settings, outside))

        asyncio.run(acted())

    def review(self, review_id: str, who: str) -> None:
        """Finish a review of break-glass."""

        async def reviewed() -> None:
            async with self._outside() as (settings, outside):
                actor = await bootstrap.voting_service(settings, outside).actor(signed_in(who))
                await bootstrap.reviewing_service(settings, outside).finish(review_id, actor, "looked at it")

        asyncio.run(reviewed())

    def open_reviews(self) -> list[Reviewed]:
        """Return the uses of break-glass that wait for a review."""

        async def waiting() -> list[Reviewed]:
            async with self._outside() as (settings, outside):
                return list(await bootstrap.reviewing_service(settings, outside).waiting())

        return asyncio.run(waiting())

    @asynccontextmanager
    async def _outside(self) -> AsyncIterator[tuple[Settings, bootstrap.Outside]]:
        settings = load_settings({**self.environ, "HOLDGATE_OPA_URL": self.backing.opa.direct_url})
        async with bootstrap.open_outside(settings) as outside:
            yield settings, outside

    def hits(self, target: str) -> int:
        """Say how often the upstream got a request for exactly this target."""
        return len(self.received(target))

    def received(self, target: str) -> list[Message]:
        """Return what the upstream got for exactly this target."""
        return [message for message in list(self.backing.upstream.received) if message.target == target]

    def record(self, ticket_id: str) -> dict[bytes, bytes]:
        """Return the ticket as it is stored, field by field."""
        with self.backing.database() as database:
            stored: dict[bytes, bytes] = database.hgetall(KEYS.ticket(ticket_id))
            return stored

    def events(self, ticket_id: str) -> list[str]:
        """Return the types of a ticket's audit events, oldest first."""
        return self.histories()[ticket_id]

    def histories(self) -> dict[str, list[str]]:
        """Return every ticket's `events`."""
        found: dict[str, list[str]] = defaultdict(list)
        with self.backing.database() as database:
            entries: Any = database.xrange(KEYS.audit)
        for _, fields in entries:
            found[fields[b"ticket"].decode()].append(fields[b"type"].decode())
        return found

    def await_delivery(self) -> None:
        """Wait until a notifier has nothing more to tell anybody."""
        with self.backing.database() as database:
            until("the outbox is empty", lambda: not database.xlen(KEYS.outbox), _DELIVERED_SECONDS)

    def await_servers(self, number: int) -> None:
        """Wait until Envoy takes so many check servers for healthy."""
        until(f"Envoy sees {number} healthy check servers", lambda: self.healthy_servers == number)

    @property
    def healthy_servers(self) -> int:
        """How many check servers Envoy asks."""
        return self.envoy.counter("cluster.holdgate_check.membership_healthy")


def signed_in(who: str) -> SignedIn:
    """Return somebody as the sign-in knows them."""
    return SignedIn(Identity(ISSUER, who), who, "test", 0)


def problem(response: Message) -> str:
    """Return the last word of a problem's type, once it is certain that it is one."""
    assert response.values("content-type") == [b"application/problem+json"], (
        response.status,
        response.headers,
    )
    document = json.loads(response.body)
    assert document["status"] == response.status
    prefix, _, slug = document["type"].rpartition(":")
    assert prefix == "urn:holdgate:problem"
    return str(slug)


@contextmanager
def servers(
    backing: Backing, environ: Mapping[str, str], parts: Sequence[str], module: str = SHIPPED
) -> Iterator[tuple[GateServer, ...]]:
    """Run one process for each part until the block ends."""
    with ExitStack() as stack:
        started = []
        for part in parts:
            name = f"{part}{next(_numbers)}"
            server = GateServer(name, environ, backing.sockets, backing.folder, part=part, module=module)
            stack.callback(server.stop)
            started.append(server)
        for server in started:
            server.await_ready()
        yield tuple(started)


@contextmanager
def envoy_before(
    backing: Backing,
    environ: Mapping[str, str],
    running: tuple[GateServer, ...],
    *changes: Change,
    endpoints: Sequence[str] = (),
) -> Iterator[Gate]:
    """Run an Envoy before check servers, its configuration gone through `changes`, until the block ends."""
    listen = free_port()
    checking = tuple(server for server in running if server.part in {"check", "all"})
    consoles = [server.console for server in running if server.part in {"console", "all"}]
    settings = {
        **environ,
        "HOLDGATE_CHECK_ENDPOINTS": ",".join(endpoints or [server.address for server in checking]),
        "HOLDGATE_CONSOLE_LISTEN": (consoles or [f"unix:{backing.sockets}/nobody"])[0],
        "HOLDGATE_ENVOY_LISTEN": f"127.0.0.1:{listen}",
        "HOLDGATE_ENVOY_ADMIN": f"127.0.0.1:{free_port()}",
    }
    document = json.loads(render(bootstrap.envoy_plan(load_settings(settings)), "bootstrap", "json"))
    for change in changes:
        change(document)
    folder = Path(backing.folder / f"envoy{next(_numbers)}")
    with running_envoy(json.dumps(document), folder) as envoy:
        gate = Gate(backing, listen, envoy, checking, environ)
        gate.await_servers(len(endpoints or checking))
        yield gate


@contextmanager
def running_gate(
    backing: Backing,
    *changes: Change,
    parts: Sequence[str] = ("check", "check", "console"),
    module: str = SHIPPED,
    **settings: str,
) -> Iterator[Gate]:
    """Run check servers and an Envoy before them. `settings` are HOLDGATE_* names in lowercase, without prefix."""
    own = {f"HOLDGATE_{name.upper()}": value for name, value in settings.items()}
    environ = {**backing.environ(), **own}
    with (
        servers(backing, environ, parts, module) as running,
        envoy_before(backing, environ, running, *changes) as gate,
    ):
        yield gate
