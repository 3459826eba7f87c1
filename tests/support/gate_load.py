"""Clients that keep a gate busy, each on one connection, and count what goes wrong."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.e2e.envoy_config.http1 import connected
from tests.support.gate import Gate
from tests.support.gate_backing import fresh

CLIENTS: Final = 4


@dataclass(slots=True)
class Load:
    """What came back, by kind of request and status, and the tickets of holds."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    tickets: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def answered(self) -> int:
        return self.counts.total()

    def of(self, kind: str, status: int) -> int:
        return self.counts[kind, status]

    def kinds(self) -> set[tuple[str, int]]:
        return {each for each, count in self.counts.items() if count}

    def run(self, gate: Gate) -> None:
        """Send one request after the other, four allowed ones for each that is held."""
        with connected(gate.port) as connection:
            number = 0
            while not self.stop.is_set():
                number += 1
                kind = "hold" if number % 5 == 0 else "open"
                connection.send(gate.request(fresh(kind)))
                try:
                    answer = connection.response()
                except (OSError, ValueError) as error:
                    self.broken.append(repr(error))
                    return
                self.counts[kind, answer.status] += 1
                if answer.status == 202:
                    self.tickets += [each.decode() for each in answer.values("x-approval-ticket")]


@contextmanager
def load(gate: Gate) -> Iterator[Load]:
    """Keep a gate busy until the block ends."""
    running = Load()
    clients = [threading.Thread(target=running.run, args=(gate,)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield running
    finally:
        running.stop.set()
        for client in clients:
            client.join()
