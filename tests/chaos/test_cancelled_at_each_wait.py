"""A check that is cancelled at any of its waits: nothing half done, and no use without its audit record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from secrets import token_hex
from time import monotonic

import pytest

from authz import bootstrap
from authz.adapters.envoy.check_request import gated_request
from authz.adapters.envoy.policy_input import policy_input
from authz.domain.answer import Forward, Respond
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.service import CheckService
from authz.settings_loader import load_settings
from authz.wire.ext_authz_pb2 import CheckRequest
from tests.integration.redis.interruption import cancelled_at
from tests.support.gate import TICKET, Gate, envoy_before, running_gate
from tests.support.gate_backing import BODY_LIMIT, Backing, fresh
from tests.support.gate_lossy import lossy_messenger

WAITS_MAX = 100
FEWEST_WAITS = 4
TAKEN = ["grant.redeemed", "grant.used_up"]


@pytest.fixture(scope="module")
def shared(shared_backing: Backing) -> Iterator[Gate]:
    with running_gate(shared_backing, parts=("check",)) as gate:
        yield gate


@pytest.fixture(scope="module")
def template(shared: Gate) -> CheckRequest:
    """A Check as Envoy sends it."""
    address = f"unix:{shared.backing.sockets}/{token_hex(4)}"
    with (
        lossy_messenger(address, [shared.servers[0].address]) as messenger,
        envoy_before(shared.backing, shared.environ, shared.servers, endpoints=[address]) as tapped,
    ):
        tapped.hold(fresh("hold"))
        return CheckRequest.FromString(messenger.checks[0])


def about(template: CheckRequest, path: str, ticket: str = "") -> CheckRequest:
    """Return a Check like the template about another request, as of a stream of its own."""
    check = CheckRequest()
    check.CopyFrom(template)
    http = check.attributes.request.http
    http.path, http.id = path, token_hex(8)
    if ticket:
        http.header_map.headers.add(key=TICKET, raw_value=ticket.encode())
    return check


async def _judge(service: CheckService, check: CheckRequest) -> Outcome:
    request = gated_request(check, BODY_LIMIT)
    return await service.check(CheckCall(request, policy_input(check, request), monotonic() + 10))


async def _judged(gate: Gate, check: CheckRequest) -> Outcome:
    settings = load_settings(gate.environ)
    async with bootstrap.open_outside(settings) as outside:
        return await _judge(bootstrap.check_service(settings, outside), check)


async def _cancelled(gate: Gate, check: CheckRequest, number: int) -> bool:
    settings = load_settings(gate.environ)
    async with bootstrap.open_outside(settings) as outside:
        return await cancelled_at(_judge(bootstrap.check_service(settings, outside), check), number)


def judged(gate: Gate, check: CheckRequest) -> Outcome:
    """Judge a Check as the server does, with the real Redis and OPA."""
    return asyncio.run(_judged(gate, check))


def cancelled(gate: Gate, check: CheckRequest, number: int) -> bool:
    """Judge a Check and cancel it at its `number`th wait; say whether it waited so often."""
    return asyncio.run(_cancelled(gate, check, number))


def token_of(outcome: Outcome) -> str:
    assert isinstance(outcome.answer, Respond)
    return dict(outcome.answer.headers)[TICKET]


def test_a_redemption_is_whole_or_was_not(around: Backing, shared: Gate, template: CheckRequest) -> None:
    assert shared.backing is around
    seen = []
    for number in range(WAITS_MAX):
        path = fresh("hold")
        held = judged(shared, about(template, path))
        shared.vote(held.ticket_id)
        check = about(template, path, token_of(held))
        interrupted = cancelled(shared, check, number)
        history = shared.events(held.ticket_id)[3:]
        left = shared.record(held.ticket_id)[b"uses_left"]
        assert (left, history) in [(b"1", []), (b"0", TAKEN)], number
        seen.append(left)
        assert isinstance(judged(shared, check).answer, Forward), "Envoy asks again about the same stream"
        assert shared.events(held.ticket_id)[3:] == TAKEN
        another = judged(shared, about(template, path, token_of(held)))
        assert isinstance(another.answer, Respond), "another stream is another request"
        if not interrupted:
            break
    assert len(seen) > FEWEST_WAITS
    assert set(seen) == {b"0", b"1"}


def test_a_hold_is_a_whole_ticket_or_none(around: Backing, shared: Gate, template: CheckRequest) -> None:
    with around.database() as database:
        for number in range(WAITS_MAX):
            check = about(template, fresh("hold"))
            before = database.xlen("{holdgate:p0}:audit"), database.xlen("{holdgate:p0}:outbox")
            interrupted = cancelled(shared, check, number)
            stored = database.xlen("{holdgate:p0}:audit") - before[0]
            assert stored in {0, 1}
            assert database.xlen("{holdgate:p0}:outbox") - before[1] == stored
            held = judged(shared, check)
            assert shared.events(held.ticket_id) == ["ticket.created"]
            assert database.xlen("{holdgate:p0}:outbox") - before[1] == 1
            if not interrupted:
                break
        assert number > FEWEST_WAITS
