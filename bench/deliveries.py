"""How fast notices become signed webhooks: `python -m bench.deliveries [--notices N] [--rounds N]`.

A receiver on the other core answers each post after 20 ms. A round delivers as many events from Redis as a notifier
does it, beginning with their tickets being there and nothing taken, until the last is acknowledged; and then posts the
same bodies with nothing around the HTTP client but a bound on how many are under way at once. Printed are the rates,
and in each round the one divided by the other.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import httpx
import orjson
import uvloop

from authz import bootstrap
from authz.adapters.http_post.client import webhook_client
from authz.adapters.telemetry.logs import configure_logs
from authz.adapters.telemetry.metrics import Metrics
from authz.adapters.webhook.event import ticket_event
from authz.bootstrap.outside import Outside
from authz.domain.events import EventType
from authz.domain.ticket import State, Ticket, TicketDraft
from authz.services.ports import Posting
from authz.settings import Settings
from authz.settings_loader import load_settings
from bench import cores
from bench import rounds as figures
from bench.h2load import Unusable
from bench.sample_ticket import draft as sample_draft
from tests.support.redis_server import RedisServer

LATENCY_S: Final = 0.02
AT_ONCE: Final = 32
_PER_SECOND: Final = 10_000
_SETTLED_S: Final = 120.0
_POLL_S: Final = 0.01
_SECRET: Final = f"whsec_{b64encode(b'b' * 32).decode()}"
_ANSWER: Final = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Speed:
    """How many a second, and what each took of this process's CPU time (user and system, in µs)."""

    rate: float
    cpu_us: float


class _Watch:
    """Measures from its construction on."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self._cpu = time.process_time()

    def speed(self, count: int) -> Speed:
        took = time.perf_counter() - self.started
        return Speed(count / took, (time.process_time() - self._cpu) / count * 1e6)


@dataclass(slots=True)
class Measured:
    """Deliveries and bare posts in each round, and the largest resident set in KiB."""

    deliveries: list[Speed] = field(default_factory=list)
    bare: list[Speed] = field(default_factory=list)
    rss_kib: int = 0


class _Receiver(asyncio.Protocol):
    """Answers each post on a connection after LATENCY_S. It trusts content-length, and reads nothing else."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        while True:
            head, found, rest = self._read.partition(b"\r\n\r\n")
            if not found:
                return
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(rest) < length:
                return
            self._read = rest[length:]
            asyncio.get_running_loop().call_later(LATENCY_S, self._answer)

    def _answer(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_ANSWER)


async def _receive() -> None:
    server = await asyncio.get_running_loop().create_server(_Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def _receiver() -> Iterator[str]:
    """Run a receiver on the other core, and give its address."""
    with cores.on(cores.LOAD):
        command = [sys.executable, "-m", "bench.deliveries", "--receive"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield f"http://127.0.0.1:{int(child.stdout.readline())}/hook"
    finally:
        child.kill()
        child.wait()


def measure(notices: int, rounds: int) -> Measured:
    """Measure on a Redis and a receiver of its own. Raises Unusable."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, _receiver() as url:
        with cores.on(cores.LOAD):
            redis = RedisServer(Path(name))
            redis.start()
        try:
            settings = load_settings(_environ(redis.url, url))
            with cores.on(cores.SERVERS):
                return uvloop.run(_measure(settings, url, notices, rounds))
        finally:
            redis.stop()


def _environ(redis_url: str, url: str) -> dict[str, str]:
    hook = {"kind": "webhook", "url": url, "secrets": [_SECRET], "per_second": _PER_SECOND}
    bounds = dict.fromkeys(
        ("MAX_OPEN_TICKETS", "MAX_OPEN_TICKETS_PER_REQUESTER", "MAX_OPEN_TICKETS_PER_RULE"), "1000000"
    ) | dict.fromkeys(
        ("TICKETS_PER_MINUTE", "TICKETS_PER_MINUTE_PER_REQUESTER", "TICKETS_PER_MINUTE_PER_RULE"), "1000000"
    )
    own = {
        "REDIS_URL": redis_url,
        "REDIS_TIMEOUT": "5s",
        "TICKET_KEYS": "bench:" + "b" * 64,
        "CHANNELS": orjson.dumps({"hook": hook}).decode(),
        "ROUTES": '{"default": ["hook"]}',
        "LOG_LEVEL": "warning",
        **bounds,
    }
    return {f"HOLDGATE_{name}": value for name, value in own.items()}


async def _measure(settings: Settings, url: str, notices: int, rounds: int) -> Measured:
    configure_logs(settings.log_level)
    measured = Measured()
    async with bootstrap.open_outside(settings) as outside:
        await outside.store.start()
        for number in range(rounds + 1):
            drafts = [sample_draft(number * notices + each) for each in range(notices)]
            for draft in drafts:
                await outside.store.create(draft)
            ours = await _deliveries(settings, outside, notices)
            bare = await _bare(settings, url, drafts)
            if number:  # the first round warms up
                measured.deliveries.append(ours)
                measured.bare.append(bare)
    measured.rss_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return measured


async def _deliveries(settings: Settings, outside: Outside, notices: int) -> Speed:
    """Deliver what is in the outbox."""
    metrics, stop = Metrics(), asyncio.Event()
    worker = bootstrap.delivery(settings, outside, metrics)
    watch = _Watch()
    running = asyncio.create_task(worker.run(stop))
    accepted = metrics.deliveries.labels("hook", "accepted")
    while accepted._value.get() < notices or worker.in_hand:
        if running.done() or time.perf_counter() - watch.started > _SETTLED_S:
            raise Unusable(f"{accepted._value.get():g} of {notices} notices were delivered")
        await asyncio.sleep(_POLL_S)
    speed = watch.speed(notices)
    stop.set()
    await running
    return speed


async def _bare(settings: Settings, url: str, drafts: list[TicketDraft]) -> Speed:
    """Post the same events with the HTTP client alone."""
    bodies = iter([_body(settings, draft) for draft in drafts])
    headers = {"content-type": "application/cloudevents+json"}
    async with webhook_client(connections=AT_ONCE) as client:

        async def post() -> None:
            for body in bodies:
                answer = await client.post(url, content=body, headers=headers)
                if answer.status_code != httpx.codes.NO_CONTENT:
                    raise Unusable(f"the receiver answered {answer.status_code}")

        watch = _Watch()
        await asyncio.gather(*(post() for _ in range(AT_ONCE)))
        return watch.speed(len(drafts))


def _body(settings: Settings, draft: TicketDraft) -> bytes:
    ticket = Ticket(draft, 1, State.PENDING, 0, draft.requirement.expires_in_ms)
    return orjson.dumps(ticket_event(Posting(EventType.TICKET_CREATED, ticket, 0), settings.public_url))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.deliveries", description=__doc__)
    parser.add_argument("--notices", type=int, default=3_000, help="of a round (3000)")
    parser.add_argument("--rounds", type=int, default=5, help="after one that warms up (5)")
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.receive:
        uvloop.run(_receive())
        return
    try:
        measured = measure(options.notices, options.rounds)
    except Unusable as error:
        sys.exit(f"\nThese figures would be worth nothing: {error}")
    both = measured.deliveries, measured.bare
    for what, (ours, bare) in {
        "a second": [[each.rate for each in speeds] for speeds in both],
        "CPU µs each": [[each.cpu_us for each in speeds] for speeds in both],
    }.items():
        print(f"{what}: deliveries {figures.figure(ours)}, posts by the client alone {figures.figure(bare)}")
        print(f"{what}: deliveries ÷ posts {figures.ratio(ours, bare)}")
    print(f"largest resident set: {measured.rss_kib / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
