"""Answers of the recording check server that stay open, until a test lets them go or Envoy takes them back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc

from authz.wire import ext_authz_pb2 as wire
from tests.e2e.envoy_config.check_server import CheckServer, allow

WAIT: Final = 15.0
"""Seconds after which a test that waits for something has failed."""


class Held:
    """Checks that stay open, and how many seconds Envoy gave each.

    `taken_back` is set when Envoy cancels one, which lets the others go. Checks of paths that begin with `/quick` are
    answered at once.
    """

    def __init__(self) -> None:
        self.remaining: list[float] = []
        self.taken_back = threading.Event()
        self._go = threading.Event()
        self._arrived = threading.Semaphore(0)

    def release(self) -> None:
        """Allow what is open, and what comes from now on."""
        self._go.set()

    def arrive(self, number: int) -> None:
        """Wait until so many more checks are open."""
        for _ in range(number):
            assert self._arrived.acquire(timeout=WAIT), "no further check came"

    def answer(self, check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
        self.remaining.append(context.time_remaining())
        if check.attributes.request.http.path.startswith("/quick"):
            return allow()
        if not context.add_callback(self._end):
            self._end()
        self._arrived.release()
        assert self._go.wait(WAIT), "nobody released or took back the check"
        return allow()

    def _end(self) -> None:
        # One that was released has ended by itself.
        if not self._go.is_set():
            self.taken_back.set()
            self._go.set()


@contextmanager
def holding(server: CheckServer) -> Iterator[Held]:
    """Let a server hold every check until the block ends, at the latest."""
    held = Held()
    server.answer = held.answer
    try:
        yield held
    finally:
        held.release()
