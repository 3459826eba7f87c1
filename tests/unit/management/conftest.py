from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.domain.sign_in import SignInRules
from authz.entrypoints.management.demo_identity import DemoAuthenticator
from authz.entrypoints.management.feed import WatchLimits
from authz.entrypoints.management.server import ManagementServer
from authz.services.dead_letters import DeadLetterService
from authz.services.reviewing import ReviewingService
from authz.services.voting import VotingService
from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsStub
from tests.support.memory_letters import MemoryLetters
from tests.support.memory_reviews import MemoryReviews
from tests.support.operators_rule import OperatorsRule
from tests.support.people import SampleDirectory, TokenMaker
from tests.support.sample_tickets import ISSUER
from tests.support.waiting_store import WaitingStore

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub


@pytest.fixture
async def store() -> WaitingStore:
    return WaitingStore()


@pytest.fixture
def directory() -> SampleDirectory:
    return SampleDirectory()


@pytest.fixture
def reviews() -> MemoryReviews:
    return MemoryReviews()


@pytest.fixture
def letters() -> MemoryLetters:
    return MemoryLetters()


@pytest.fixture
def rule() -> OperatorsRule:
    return OperatorsRule()


@pytest.fixture(scope="session")
def tokens() -> TokenMaker:
    return TokenMaker()


@pytest.fixture
def limits() -> WatchLimits:
    """Return the bounds on watching; a module overrides it with its own."""
    return WatchLimits()


@pytest.fixture
async def server(
    store: WaitingStore,
    directory: SampleDirectory,
    reviews: MemoryReviews,
    rule: OperatorsRule,
    tokens: TokenMaker,
    limits: WatchLimits,
    letters: MemoryLetters,
) -> AsyncIterator[ManagementServer]:
    voting = VotingService(store, directory, rule, SignInRules(), timeout=1)
    reviewing = ReviewingService(reviews, rule, timeout=1)
    authenticator = DemoAuthenticator(tokens.key.public_key(), ISSUER)
    service = DeadLetterService(letters, rule, timeout=1)
    server = ManagementServer(
        store, voting, reviewing, authenticator, listen="127.0.0.1:0", limits=limits, letters=service
    )
    await server.start()
    yield server
    await server.stop(1)


@pytest.fixture
async def stub(server: ManagementServer) -> AsyncIterator[ApprovalsAsyncStub]:
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield ApprovalsStub(channel)
