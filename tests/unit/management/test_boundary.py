from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.domain.errors import RecordUnreadable
from authz.domain.sign_in import SignInRules
from authz.entrypoints.management import boundary
from authz.entrypoints.management.authenticator import CALLER
from authz.entrypoints.management.boundary import Boundary
from authz.entrypoints.management.demo_identity import DemoAuthenticator
from authz.entrypoints.management.refusal import Refusal
from authz.entrypoints.management.server import ManagementServer
from authz.services.permissions import BuiltInRule
from authz.services.reviewing import ReviewingService
from authz.services.voting import VotingService
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsStub
from tests.support.memory_reviews import MemoryReviews
from tests.support.people import SampleDirectory, TokenMaker
from tests.support.sample_reviews import review_draft, used_at
from tests.support.sample_tickets import ISSUER, draft
from tests.support.waiting_store import WaitingStore
from tests.unit.management.errors import failure

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub

Metadata = tuple[tuple[str, str], ...]
RawCall = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
Call = Callable[["ApprovalsAsyncStub", Metadata], Awaitable[object]]

SHOWN = "0" * 64


async def _watched(stub: ApprovalsAsyncStub, metadata: Metadata) -> None:
    async for _ in stub.Watch(wire.WatchRequest(after="0"), metadata=metadata):
        return


CALLS: dict[str, Call] = {
    "List": lambda stub, metadata: stub.List(wire.ListRequest(), metadata=metadata),
    "Get": lambda stub, metadata: stub.Get(wire.GetRequest(id=draft().id), metadata=metadata),
    "Vote": lambda stub, metadata: stub.Vote(
        wire.VoteRequest(id=draft().id, decision=wire.DECISION_APPROVE, shown_digest=SHOWN), metadata=metadata
    ),
    "Withdraw": lambda stub, metadata: stub.Withdraw(wire.WithdrawRequest(id=draft().id), metadata=metadata),
    "Cancel": lambda stub, metadata: stub.Cancel(wire.CancelRequest(id=draft().id), metadata=metadata),
    "Revoke": lambda stub, metadata: stub.Revoke(wire.RevokeRequest(id=draft().id), metadata=metadata),
    "ListReviews": lambda stub, metadata: stub.ListReviews(wire.ListReviewsRequest(), metadata=metadata),
    "GetReview": lambda stub, metadata: stub.GetReview(
        wire.GetReviewRequest(id=review_draft().id), metadata=metadata
    ),
    "FinishReview": lambda stub, metadata: stub.FinishReview(
        wire.FinishReviewRequest(id=review_draft().id, comment="looked"), metadata=metadata
    ),
    "Watch": _watched,
}
_REFUSED = {
    "Vote": "stale-view",
    "Withdraw": "not-voted",
    "Cancel": "not-your-request",
    "Revoke": "not-approved",
}


def test_these_are_all_the_calls_there_are() -> None:
    methods = wire.DESCRIPTOR.services_by_name["Approvals"].methods_by_name
    assert set(CALLS) == set(methods)


@pytest.mark.parametrize("name", CALLS)
async def test_no_call_runs_for_nobody(
    stub: ApprovalsAsyncStub, store: WaitingStore, reviews: MemoryReviews, name: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await CALLS[name](stub, (("authorization", "Bearer made.up.token"),))
    said = failure(caught.value)
    assert (said.status, said.reason, said.retry) == ("UNAUTHENTICATED", "unauthenticated", False)
    assert (store.calls, reviews.calls) == ([], 0)


@pytest.mark.parametrize("name", CALLS)
async def test_without_the_boundarys_question_every_call_would_run(
    stub: ApprovalsAsyncStub,
    store: WaitingStore,
    reviews: MemoryReviews,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    tokens: TokenMaker,
) -> None:
    """Control: the calls themselves ask nobody for a token."""
    await store.create(draft())
    await reviews.break_glass(review_draft(), used_at(1))
    store.calls.clear()
    reviews.calls = 0
    somebody = await DemoAuthenticator(tokens.key.public_key(), ISSUER).authenticate(tokens.metadata("bob"))

    async def admit(self: Boundary, context: object) -> None:  # noqa: ARG001 - the method's own
        CALLER.set(somebody)

    monkeypatch.setattr(Boundary, "_admit", admit)
    try:
        await CALLS[name](stub, ())
    except grpc.aio.AioRpcError as error:
        assert failure(error).reason == _REFUSED[name]  # noqa: PT017 - these came as far as the rules
    assert store.calls or reviews.calls


@pytest.mark.parametrize("name", ["List", "Get", "Watch", "ListReviews", "GetReview", "FinishReview"])
async def test_whom_the_directory_does_not_know_sees_nothing(
    stub: ApprovalsAsyncStub, store: WaitingStore, reviews: MemoryReviews, tokens: TokenMaker, name: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await CALLS[name](stub, tokens.metadata("mallory"))
    assert (failure(caught.value).status, failure(caught.value).reason) == (
        "PERMISSION_DENIED",
        "unknown-person",
    )
    assert (store.calls, reviews.calls) == ([], 0)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("dependency", "reason"), [("store", "redis-unavailable"), ("directory", "opa-unavailable")]
)
async def test_an_outage_says_to_come_back_and_no_more(
    stub: ApprovalsAsyncStub,
    store: WaitingStore,
    reviews: MemoryReviews,
    directory: SampleDirectory,
    tokens: TokenMaker,
    name: str,
    dependency: str,
    reason: str,
) -> None:
    store.down = reviews.down = dependency == "store"
    directory.down = dependency == "directory"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await CALLS[name](stub, tokens.metadata("bob"))
    said = failure(caught.value)
    assert (said.status, said.reason, said.retry) == ("UNAVAILABLE", reason, True)
    assert "the test" not in said.message


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "error", [RuntimeError("secret-7f"), RecordUnreadable("secret-7f"), KeyError("secret-7f")]
)
async def test_no_text_of_an_exception_gets_out(
    stub: ApprovalsAsyncStub,
    directory: SampleDirectory,
    tokens: TokenMaker,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    error: Exception,
) -> None:
    async def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(directory, "person", broken)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await CALLS[name](stub, tokens.metadata("bob"))
    assert failure(caught.value).status == "INTERNAL"
    assert "secret-7f" not in str(caught.value)
    assert all(
        b"secret-7f" not in bytes(str(value), "utf-8") for _, value in caught.value.trailing_metadata()
    )


async def test_without_the_mapping_it_would(
    stub: ApprovalsAsyncStub, directory: SampleDirectory, tokens: TokenMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: a boundary that passes an exception's text on is found out by the test above."""

    async def broken(*_: object) -> None:
        raise RuntimeError("secret-7f")

    monkeypatch.setattr(directory, "person", broken)
    monkeypatch.setattr(
        boundary, "refusal_of", lambda error: Refusal(grpc.StatusCode.INTERNAL, "internal", str(error))
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await CALLS["List"](stub, tokens.metadata("bob"))
    assert "secret-7f" in str(caught.value)


async def test_bytes_that_are_no_message_fail_and_the_server_goes_on(
    server: ManagementServer, stub: ApprovalsAsyncStub, tokens: TokenMaker
) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        call: RawCall = channel.unary_unary("/holdgate.v1.Approvals/Get")
        with pytest.raises(grpc.aio.AioRpcError):
            await call(b"\xff\xff\xff\xff", metadata=tokens.metadata("bob"))
        missing: RawCall = channel.unary_unary("/holdgate.v1.Approvals/Forget")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await missing(b"", metadata=tokens.metadata("bob"))
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert await stub.List(wire.ListRequest(), metadata=tokens.metadata("bob")) == wire.ListResponse()


async def test_a_message_beyond_the_bound_is_refused(stub: ApprovalsAsyncStub, tokens: TokenMaker) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Get(wire.GetRequest(id="x" * 70_000), metadata=tokens.metadata("bob"))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_two_servers_never_share_a_port(
    server: ManagementServer, store: WaitingStore, directory: SampleDirectory, tokens: TokenMaker
) -> None:
    voting = VotingService(store, directory, BuiltInRule(), SignInRules(), timeout=1)
    reviewing = ReviewingService(MemoryReviews(), BuiltInRule(), timeout=1)
    authenticator = DemoAuthenticator(tokens.key.public_key(), ISSUER)
    with pytest.raises(RuntimeError, match="Failed to bind"):
        ManagementServer(store, voting, reviewing, authenticator, listen=server.address)


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:9292"])
async def test_it_listens_on_this_machine_only(
    store: WaitingStore, directory: SampleDirectory, tokens: TokenMaker, listen: str
) -> None:
    voting = VotingService(store, directory, BuiltInRule(), SignInRules(), timeout=1)
    reviewing = ReviewingService(MemoryReviews(), BuiltInRule(), timeout=1)
    authenticator = DemoAuthenticator(tokens.key.public_key(), ISSUER)
    with pytest.raises(ValueError, match="only a loopback address"):
        ManagementServer(store, voting, reviewing, authenticator, listen=listen)


async def test_a_socket_is_for_this_account_alone(
    store: WaitingStore, directory: SampleDirectory, tokens: TokenMaker, tmp_path: Path
) -> None:
    path = tmp_path / "m.sock"
    voting = VotingService(store, directory, BuiltInRule(), SignInRules(), timeout=1)
    reviewing = ReviewingService(MemoryReviews(), BuiltInRule(), timeout=1)
    server = ManagementServer(
        store, voting, reviewing, DemoAuthenticator(tokens.key.public_key(), ISSUER), listen=f"unix:{path}"
    )
    await server.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with grpc.aio.insecure_channel(server.address) as channel:
        answer = await ApprovalsStub(channel).List(wire.ListRequest(), metadata=tokens.metadata("bob"))
    assert answer == wire.ListResponse()
    await asyncio.wait_for(server.stop(1), 5)
