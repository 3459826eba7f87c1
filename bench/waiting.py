"""What waiting costs, and how soon a vote releases: `python -m bench.waiting [--waiters N]`.

N checks for as many tickets stay open on one check server, with `Prefer: wait`. Printed are the bytes that each takes
there, the milliseconds from the moment that a vote is sent to Redis until the check that waited for it is answered
(policy and redemption lie in between), for one vote after the other, and how long a drain takes to answer the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc

from authz import bootstrap
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.identity import Identity
from authz.domain.ticket import Choice
from authz.domain.voting import Ballot
from authz.services.ports import Loaded
from authz.services.voting import SignedIn, VotingService
from authz.settings_loader import load_settings
from authz.wire.ext_authz_pb2 import CheckResponse
from authz.wire.ext_authz_pb2_grpc import AuthorizationStub
from bench import cores
from bench.h2load import Unusable
from bench.processes import usage
from bench.question import ISSUER, check_request
from bench.servers import Servers, running
from bench.tickets import held_ticket

if TYPE_CHECKING:
    from authz.wire.ext_authz_pb2_grpc import AuthorizationAsyncStub

_WAIT_S: Final = 240
_PREFER: Final = (("prefer", f"wait={_WAIT_S}"),)
_STREAMS_A_CONNECTION: Final = 1_000
_JUDGED_AT_ONCE: Final = 250
_POLL_S: Final = 0.1
_SETTLED_S: Final = 120.0
_BOUNDS: Final = ("max_waiters", "max_waiters_per_requester", "max_concurrent_checks")
_LONG: Final = {"max_wait": "4m", "shutdown_grace": "30s", "max_open_tickets_per_rule": "1000000"}
_PACES: Final = ("tickets_per_minute", "tickets_per_minute_per_requester", "tickets_per_minute_per_rule")


@dataclass(slots=True)
class Measured:
    """Bytes of one waiter, and milliseconds."""

    waiters: int
    bytes_each: float
    releases: list[float] = field(default_factory=list)
    drain: float = 0.0


class _Stamping(RedisTicketStore):
    """Remembers when the last vote was sent."""

    sent = 0.0

    async def vote(self, *args: Any, **kwargs: Any) -> Loaded | None:  # noqa: ANN401 - passed on
        self.sent = time.perf_counter()
        return await super().vote(*args, **kwargs)


def measure(waiters: int, votes: int) -> Measured:
    """Measure on servers of its own. Raises Unusable and NotReady."""
    bounds = dict.fromkeys(_BOUNDS, str(waiters)) | dict.fromkeys(_PACES, "1000000")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        running(
            Path(name), max_wait="4m", shutdown_grace="30s", max_open_tickets_per_rule="1000000", **bounds
        ) as servers,
        cores.on(cores.LOAD),
    ):
        return asyncio.run(_measure(servers, waiters, votes))


async def _measure(servers: Servers, waiters: int, votes: int) -> Measured:
    channels = [
        grpc.aio.insecure_channel(servers.address, [("grpc.use_local_subchannel_pool", 1)])
        for _ in range(-(-waiters // _STREAMS_A_CONNECTION))
    ]
    try:
        stubs = [AuthorizationStub(channel) for channel in channels]
        # What every process has loaded and pooled after its first checks belongs to no waiter.
        known = [
            held_ticket(await stubs[0].Check(check_request(f"/projects/{n}", "DELETE", n), timeout=20))
            for n in range(votes)
        ]
        before = usage(servers.pids["check"]).rss
        tasks: list[asyncio.Task[tuple[CheckResponse, float]]] = []
        while len(tasks) < waiters:
            tasks += [
                asyncio.create_task(_wait(stubs[number // _STREAMS_A_CONNECTION], number))
                for number in range(len(tasks), min(waiters, len(tasks) + _JUDGED_AT_ONCE))
            ]
            await _all_wait(servers, tasks)
        measured = Measured(waiters, (usage(servers.pids["check"]).rss - before) / waiters)
        await _release(servers, measured, [identifier for identifier, _ in known], tasks)
        started = time.perf_counter()
        os.kill(servers.pids["check"], signal.SIGTERM)
        answers = await asyncio.gather(*tasks[votes:])
        measured.drain = (time.perf_counter() - started) * 1000
        if any(answer.denied_response.status.code != 202 for answer, _ in answers):
            raise Unusable("a drained check was not answered with its hold")
        return measured
    finally:
        for channel in channels:
            await channel.close()


async def _wait(stub: AuthorizationAsyncStub, number: int) -> tuple[CheckResponse, float]:
    request = check_request(f"/projects/{number}", "DELETE", 1_000_000 + number, _PREFER)
    answer = await stub.Check(request, timeout=_WAIT_S + 60)
    return answer, time.perf_counter()


async def _all_wait(servers: Servers, tasks: Sequence[asyncio.Task[object]]) -> None:
    deadline = time.monotonic() + _SETTLED_S
    while (number := await asyncio.to_thread(_waiters, servers.metrics)) < len(tasks):
        if time.monotonic() > deadline or any(task.done() for task in tasks):
            raise Unusable(f"{number} of {len(tasks)} checks wait")
        await asyncio.sleep(_POLL_S)


def _waiters(metrics: str) -> int:
    with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=30) as answer:
        found = re.search(rb"^holdgate_waiters ([0-9.]+)$", answer.read(), re.MULTILINE)
    return int(float(found[1])) if found else 0


async def _release(
    servers: Servers,
    measured: Measured,
    tickets: Sequence[str],
    tasks: Sequence[asyncio.Task[tuple[CheckResponse, float]]],
) -> None:
    """Approve one ticket after the other, and see when the check that waits for it is answered."""
    settings = load_settings(servers.environ)
    async with bootstrap.open_outside(settings) as outside:
        store = _Stamping(bootstrap.redis_settings(settings))
        voting = VotingService(
            store,
            bootstrap.directory(settings, outside),
            bootstrap.vote_rule(settings, outside),
            bootstrap.sign_in_rules(settings),
            timeout=5.0,
        )
        try:
            for identifier, task in zip(tickets, tasks, strict=False):
                loaded = await store.load(identifier)
                if loaded is None:
                    raise Unusable(f"ticket {identifier} is gone")
                ballot = Ballot(Choice.APPROVE, "", loaded.ticket.draft.fingerprint.payload_digest)
                await voting.vote(identifier, SignedIn(Identity(ISSUER, "bob"), "bob", "bench", 0), ballot)
                answer, at = await asyncio.wait_for(task, 30)
                if answer.status.code != 0:
                    raise Unusable(f"a released check was not let through: {answer!s:.500}")
                measured.releases.append((at - store.sent) * 1000)
        finally:
            await store.aclose()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.waiting", description=__doc__)
    parser.add_argument("--waiters", type=int, default=5_000, help="checks that wait at once (5000)")
    parser.add_argument("--votes", type=int, default=200, help="of those that are released by a vote (200)")
    options = parser.parse_args()
    try:
        measured = measure(options.waiters, min(options.votes, options.waiters))
    except Unusable as error:
        sys.exit(f"\nThese figures would be worth nothing: {error}")
    releases = sorted(measured.releases)
    middle = statistics.median(releases)
    late = releases[int(len(releases) * 0.99) - 1]
    print(f"{measured.waiters:,} waiters: {measured.bytes_each / 1024:.1f} KiB each in the check server")
    print(f"from a vote to the answer: median {middle:.1f} ms, p99 {late:.1f} ms ({len(releases)} votes)")
    print(f"a drain answered the other {measured.waiters - len(releases):,} in {measured.drain:.0f} ms")


if __name__ == "__main__":
    main()
