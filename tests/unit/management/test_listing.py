from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.people import TokenMaker
from tests.support.sample_tickets import REQUEST, REQUIREMENT, draft, vote
from tests.support.waiting_store import WaitingStore
from tests.unit.management.errors import failure

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub


async def _ids(stub: ApprovalsAsyncStub, tokens: TokenMaker, request: wire.ListRequest) -> list[str]:
    return [ticket.id for ticket in (await stub.List(request, metadata=tokens.metadata("bob"))).tickets]


async def test_tickets_come_newest_first_in_pages_until_the_end(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    made = [(await store.create(draft(number))).ticket.id for number in range(5)]
    seen: list[str] = []
    token = ""
    sizes = []
    while True:
        request = wire.ListRequest(page_size=2, page_token=token)
        page = await stub.List(request, metadata=tokens.metadata("bob"))
        seen += [ticket.id for ticket in page.tickets]
        sizes.append(len(page.tickets))
        token = page.next_page_token
        if not token:
            break
    assert seen == made[::-1]
    assert sizes == [2, 2, 1]


async def test_a_page_is_bounded_whatever_is_asked(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    for number in range(250):
        await store.create(draft(number))
    assert len(await _ids(stub, tokens, wire.ListRequest())) == 50
    assert len(await _ids(stub, tokens, wire.ListRequest(page_size=2**32 - 1))) == 200


async def test_a_filter_shows_only_tickets_in_these_states_now(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    old = (await store.create(draft(0))).ticket.id
    store.now += REQUIREMENT.expires_in_ms  # past its deadline, which the store wasn't told
    pending = (await store.create(draft(1))).ticket.id
    rejected = (await store.create(draft(2))).ticket.id
    await store.vote(rejected, 1, [vote()], store.tickets[rejected].state.REJECTED, {})
    assert await _ids(stub, tokens, wire.ListRequest(states=[wire.STATE_PENDING])) == [pending]
    assert await _ids(stub, tokens, wire.ListRequest(states=[wire.STATE_REJECTED])) == [rejected]
    both = wire.ListRequest(states=[wire.STATE_REJECTED, wire.STATE_EXPIRED, wire.STATE_REJECTED])
    assert await _ids(stub, tokens, both) == [rejected, old]


async def test_a_list_stays_small_whatever_tickets_hold(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    """Clients of gRPC take messages of 4 MiB if nobody told them otherwise."""
    headers = (("x-large", b"v" * 20_000),)
    large = replace(REQUEST, path="/" + "p" * 60_000, query="q" * 60_000, headers=headers, body_size=16_384)
    for number in range(200):
        await store.create(draft(number, request=large), b"b" * 16_384)
    page = await stub.List(wire.ListRequest(page_size=200), metadata=tokens.metadata("bob"))
    assert len(page.tickets) == 200
    assert page.ByteSize() < 2 << 20
    whole = await stub.Get(wire.GetRequest(id=page.tickets[0].id), metadata=tokens.metadata("bob"))
    assert whole.request.path == large.path
    assert whole.request.query == f"?{large.query}"
    assert [(header.name, header.value) for header in whole.request.headers] == list(headers)
    assert whole.request.body == b"b" * 16_384


async def test_get_shows_what_a_person_has_to_see_before_deciding(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    held = draft()
    await store.create(held)
    ticket = await stub.Get(wire.GetRequest(id=held.id), metadata=tokens.metadata("bob"))
    assert ticket.id == held.id
    assert ticket.state == wire.STATE_PENDING
    assert ticket.digest == held.fingerprint.payload_digest
    assert (ticket.rule, ticket.reason) == ("delete-production", "deletes a production resource")
    assert (ticket.requester.id, ticket.requester.name) == ("alice-1", "alice")
    assert (ticket.request.method, ticket.request.path) == ("DELETE", "/resources/db-orders")
    assert ticket.request.body_checked
    assert [(fact.title, fact.value) for fact in ticket.facts] == [("Cluster", "prod-eu")]
    assert (ticket.progress.given, ticket.progress.needed, list(ticket.progress.awaiting)) == (0, 1, ["sre"])
    assert ticket.created_at.ToMilliseconds() == store.now
    assert ticket.expires_at.ToMilliseconds() == store.now + REQUIREMENT.expires_in_ms


async def test_bytes_outside_utf8_are_shown_and_break_nothing(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    held = draft(request=replace(REQUEST, path=b"/caf\xe9".decode("utf-8", "surrogateescape")))
    await store.create(held)
    ticket = await stub.Get(wire.GetRequest(id=held.id), metadata=tokens.metadata("bob"))
    assert ticket.request.path == r"/caf\xe9"


@pytest.mark.parametrize("ticket_id", ["", "0-", draft(7).id, "../../etc", "0-" + "a" * 26 + "\n"])
async def test_a_ticket_that_is_not_there_is_not_found(
    stub: ApprovalsAsyncStub, tokens: TokenMaker, ticket_id: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Get(wire.GetRequest(id=ticket_id), metadata=tokens.metadata("bob"))
    assert (failure(caught.value).status, failure(caught.value).reason) == ("NOT_FOUND", "unknown-ticket")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (wire.ListRequest(page_token="made up"), "page_token"),
        (
            wire.ListRequest(page_token=urlsafe_b64encode(json.dumps([["pending"], "9"]).encode()).decode()),
            "page_token",
        ),
        (wire.ListRequest(states=[wire.STATE_UNSPECIFIED]), "states"),
        (wire.ListRequest(states=[99]), "states"),  # type: ignore[list-item] # of a later client
    ],
)
async def test_a_list_that_makes_no_sense_is_refused_by_field(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, request_: wire.ListRequest, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.List(request_, metadata=tokens.metadata("bob"))
    said = failure(caught.value)
    assert (said.status, said.reason) == ("INVALID_ARGUMENT", "invalid-argument")
    assert said.message.startswith(f"{field} ")
    assert "page" not in store.calls
