"""A management API in a thread of its own, for clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from structlog.testing import capture_logs

from authz.domain.sign_in import SignInRules
from authz.entrypoints.management.demo_identity import DemoAuthenticator
from authz.entrypoints.management.feed import WatchLimits
from authz.entrypoints.management.server import ManagementServer
from authz.services.dead_letters import DeadLetterService
from authz.services.permissions import BuiltInRule
from authz.services.reviewing import ReviewingService
from authz.services.voting import VotingService
from tests.support.memory_letters import MemoryLetters
from tests.support.memory_reviews import MemoryReviews
from tests.support.people import SampleDirectory, TokenMaker
from tests.support.sample_tickets import ISSUER
from tests.support.waiting_store import WaitingStore

SECONDS = 10.0
T = TypeVar("T")


class ManagementThread:
    """Has what is behind it as `store` and `reviews`; `run` runs a coroutine where the server runs."""

    def __init__(self, limits: WatchLimits) -> None:
        self.tokens = TokenMaker()
        self._limits = limits
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.run(self._start())

    @property
    def address(self) -> str:
        return self._server.address

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns, run where the server runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    def stop(self) -> None:
        """End streams and calls."""
        self.run(self._server.stop(1))

    def close(self) -> None:
        """End the thread."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    async def _start(self) -> None:
        self.store = WaitingStore()
        voting = VotingService(self.store, SampleDirectory(), BuiltInRule(), SignInRules(), timeout=1)
        self.reviews = MemoryReviews()
        self.letters = MemoryLetters()
        reviewing = ReviewingService(self.reviews, BuiltInRule(), timeout=1)
        authenticator = DemoAuthenticator(self.tokens.key.public_key(), ISSUER)
        self._server = ManagementServer(
            self.store,
            voting,
            reviewing,
            authenticator,
            listen="127.0.0.1:0",
            limits=self._limits,
            letters=DeadLetterService(self.letters, BuiltInRule(frozenset({"sre"})), timeout=1),
        )
        await self._server.start()


@contextmanager
def management_thread(limits: WatchLimits | None = None) -> Iterator[ManagementThread]:
    """Serve for the length of a block. The server's log stays out of the client's output."""
    with capture_logs():
        thread = ManagementThread(limits or WatchLimits())
        try:
            yield thread
        finally:
            thread.close()
