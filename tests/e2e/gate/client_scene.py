"""What a row of the contract is played with: one kind of client, gates that it meets, and people who decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from authz.domain.ticket import Choice
from tests.e2e.envoy_config import http2
from tests.e2e.gate.client_kinds import Asked, Client, Seen
from tests.support.gate import Gate, signed_in
from tests.support.gate_backing import fresh
from tests.support.waiting import until

DEMAND: Mapping[str, Any] = {"rule": "hold", "reason": "a test holds this", "approvers": [{"group": "sre"}]}
CROWDED = "crowded"


@dataclass(frozen=True, slots=True)
class Gates:
    """`usual` has an upstream that speaks HTTP/2; `strict` answers holds with 428, and has one ticket for a rule."""

    usual: Gate
    strict: Gate
    console: Gate
    upstream: http2.Recorder


@dataclass(frozen=True, slots=True)
class Scene:
    """One row's stage. `path` is its own, and the policy holds what is sent there."""

    client: Client
    gates: Gates
    path: str = field(default_factory=lambda: fresh("hold"))

    @property
    def gate(self) -> Gate:
        return self.gates.usual

    def send(
        self,
        path: str = "",
        *headers: tuple[str, str],
        who: str | None = "alice",
        body: bytes = b"a",
        gate: Gate | None = None,
    ) -> Seen:
        """Send a request, to the row's path if none is named."""
        return self.client.send(gate or self.gate, Asked(path or self.path, headers, who, body))

    def hold(self) -> Seen:
        """Send the request that the policy holds."""
        seen = self.send()
        assert seen.reason == "HELD", seen
        return seen

    def approved(self) -> Seen:
        """Send it and let bob approve it."""
        seen = self.hold()
        self.vote(seen)
        return seen

    def present(self, held: Seen, **different: Any) -> Seen:  # noqa: ANN401 - those of `send`
        """Send the request with its ticket."""
        return self.send("", held.ticket, **different)

    @contextmanager
    def waiting(self) -> Iterator[Future[Seen]]:
        """Send the request, which the gate keeps open."""

        def waiters() -> float:
            return sum(server.metric("holdgate_waiters") for server in self.gate.servers)

        with ThreadPoolExecutor(1) as pool:
            before = waiters()
            answer = pool.submit(self.send, "", ("prefer", "wait=30"))
            until("the request waits", lambda: waiters() == before + 1)
            yield answer

    def vote(self, held: Seen, choice: Choice = Choice.APPROVE) -> None:
        self.gate.vote(held.id, choice=choice)

    def cancel(self, held: Seen) -> None:
        self.gate.act(lambda voting: voting.cancel(held.id, signed_in("alice"), "not needed"))

    def revoke(self, held: Seen) -> None:
        self.gate.act(lambda voting: voting.revoke(held.id, signed_in("carol"), "changed our minds"))

    def says(self, document: object, path: str = "") -> None:
        """Let the policy answer so for a path."""
        self.gate.backing.opa.say((path or self.path).rpartition("/")[2], document)

    def demands(
        self, path: str = "", *, beside: Mapping[str, object] | None = None, **different: object
    ) -> None:
        """Let the policy hold a path, on other terms."""
        self.says({"allowed": False, "approval": {**DEMAND, **different}, **(beside or {})}, path)

    def await_state(self, held: Seen, state: str) -> None:
        """Wait until a ticket is in this state, without using it."""

        def reached() -> bool:
            name, value = held.ticket
            ticket = (name, value.encode())
            answer = self.gates.console.send(f"/.holdgate/tickets/{held.id}", ticket, method="GET")
            return f'"state":"{state}"'.encode() in answer.body

        until(f"the ticket is {state}", reached)

    def uses_left(self, held: Seen) -> int:
        return int(self.gate.record(held.id)[b"uses_left"])

    def received(self, path: str = "") -> list[dict[str, str]]:
        """Return the headers of what the upstream got at a path."""
        lines = [dict(stream.headers) for stream in list(self.gates.upstream.received)]
        found = [each for each in lines if each[b":path"].decode() == (path or self.path)]
        return [{name.decode(): value.decode() for name, value in each.items()} for each in found]

    @contextmanager
    def without_redis(self) -> Iterator[None]:
        """Kill Redis; afterwards wait until holds are possible again."""
        redis = self.gate.backing.redis
        redis.kill()
        try:
            yield
        finally:
            redis.start()
            until("holds are possible again", lambda: self.send(fresh("hold")).reason == "HELD")
