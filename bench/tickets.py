"""Holds and redemptions a second: each check is another request, so a Python client asks, on the load's core."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import grpc

from authz import bootstrap
from authz.domain.identity import Identity
from authz.domain.ticket import Choice
from authz.domain.voting import Ballot
from authz.services.voting import SignedIn
from authz.settings_loader import load_settings
from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from authz.wire.ext_authz_pb2_grpc import AuthorizationStub
from bench.h2load import Unusable
from bench.question import ISSUER, check_request

if TYPE_CHECKING:
    from authz.wire.ext_authz_pb2_grpc import AuthorizationAsyncStub

_STREAMS = 16
_TIMEOUT_S = 20.0
_TICKET = "x-approval-ticket"
_HELD = 202


def measure(address: str, environ: Mapping[str, str], number: int, first: int) -> tuple[float, float]:
    """Return holds and redemptions a second, of `number` requests each, counted from `first` on. Raises Unusable."""
    return asyncio.run(_measure(address, environ, number, first))


async def _measure(address: str, environ: Mapping[str, str], number: int, first: int) -> tuple[float, float]:
    numbers = range(first, first + number)
    async with grpc.aio.insecure_channel(address) as channel:
        stub = AuthorizationStub(channel)
        holds, held = await _asked(stub, [_request(each) for each in numbers])
        tickets = [held_ticket(answer) for answer in held]
        await _approve([identifier for identifier, _ in tickets], environ)
        again = [_request(each, token) for each, (_, token) in zip(numbers, tickets, strict=True)]
        redemptions, redeemed = await _asked(stub, again)
    refused = [answer for answer in redeemed if answer.status.code != 0]
    if refused:
        raise Unusable(f"{len(refused)} of {number} redemptions were refused: {refused[0]!s:.500}")
    return holds, redemptions


def _request(number: int, token: str = "") -> CheckRequest:
    extra = [(_TICKET, token)] if token else []
    # A retry is another stream of Envoy's than the request that was held.
    return check_request(f"/projects/{number}", "DELETE", number * 2 + bool(token), extra)


async def _asked(
    stub: AuthorizationAsyncStub, checks: Sequence[CheckRequest]
) -> tuple[float, Sequence[CheckResponse]]:
    """Ask all, some at once; return answers a second, and the answers in order."""
    answers: dict[int, CheckResponse] = {}
    waiting = iter(enumerate(checks))

    async def ask() -> None:
        for place, check in waiting:
            answers[place] = await stub.Check(check, timeout=_TIMEOUT_S)

    started = time.perf_counter()
    try:
        await asyncio.gather(*(ask() for _ in range(_STREAMS)))
    except grpc.RpcError as error:
        raise Unusable(f"a check failed: {error}") from error
    return len(checks) / (time.perf_counter() - started), [answers[place] for place in range(len(checks))]


def held_ticket(answer: CheckResponse) -> tuple[str, str]:
    """Return id and token of the ticket of a hold. Raises Unusable for any other answer."""
    denied = answer.denied_response
    if denied.status.code != _HELD:
        raise Unusable(f"instead of a hold: {answer!s:.500}")
    body = json.loads(denied.body)
    return body["id"], body["token"]


async def _approve(tickets: Sequence[str], environ: Mapping[str, str]) -> None:
    settings = load_settings(environ)
    async with bootstrap.open_outside(settings) as outside:
        voting = bootstrap.voting_service(settings, outside)
        for identifier in tickets:
            loaded = await outside.store.load(identifier)
            if loaded is None:
                raise Unusable(f"ticket {identifier} is gone")
            ballot = Ballot(Choice.APPROVE, "", loaded.ticket.draft.fingerprint.payload_digest)
            signed_in = SignedIn(Identity(ISSUER, "bob"), "bob", "bench", 0)
            await voting.vote(identifier, signed_in, ballot)
