"""The management API over a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.sign_in import SignInRules
from authz.entrypoints.management.demo_identity import DemoAuthenticator
from authz.entrypoints.management.server import ManagementServer
from authz.services.permissions import BuiltInRule
from authz.services.reviewing import ReviewingService
from authz.services.voting import VotingService
from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsStub
from tests.support.people import SampleDirectory, TokenMaker
from tests.support.redis_server import RedisServer
from tests.support.sample_tickets import ISSUER

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def store(redis: RedisServer) -> AsyncIterator[RedisTicketStore]:
    """Patient, because the machine is busy."""
    store = RedisTicketStore(RedisSettings(url=redis.url, timeout_ms=5_000, consumer="one"))
    await store.start()
    yield store
    await store.aclose()


@pytest.fixture(scope="module")
def tokens() -> TokenMaker:
    return TokenMaker()


@pytest.fixture
async def server(
    redis: RedisServer, store: RedisTicketStore, tokens: TokenMaker
) -> AsyncIterator[ManagementServer]:
    voting = VotingService(store, SampleDirectory(), BuiltInRule(), SignInRules(), timeout=5)
    authenticator = DemoAuthenticator(tokens.key.public_key(), ISSUER)
    reviews = RedisReviewStore(store, RedisSettings(url=redis.url, timeout_ms=5_000, consumer="one"))
    reviewing = ReviewingService(reviews, BuiltInRule(), timeout=5)
    server = ManagementServer(store, voting, reviewing, authenticator, listen="127.0.0.1:0")
    await server.start()
    yield server
    await server.stop(1)


@pytest.fixture
async def stub(server: ManagementServer) -> AsyncIterator[ApprovalsAsyncStub]:
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield ApprovalsStub(channel)
