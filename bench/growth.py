"""Whether tickets stay cheap when there are many: `python -m bench.growth [--tickets N]`.

A Redis of its own, set as in deploy/redis but without its file on disk, is filled to 1,000, 10,000, 100,000 and
1,000,000 open tickets (copies of one that the store made, under ids of their own), and at each size the real store
creates, votes and redeems some more. Printed are the microseconds of a call that nothing came in the way of (the 5th
percentile), its ratio to the smallest size, and the bytes that a ticket takes in Redis.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.request import CheckId
from authz.domain.ticket import State, TicketDraft
from bench.sample_ticket import draft, vote

_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
_CALLS: Final = 300
_BATCH: Final = 5_000
_NEVER: Final = 1 << 40
_CONF: Final = Path(__file__).resolve().parent.parent / "deploy" / "redis" / "redis.conf"

# KEYS: a ticket, pending, requesters, index. ARGV: how many, the first number. An id is the number in base 32.
_COPY: Final = """
local flat = redis.call('HGETALL', KEYS[1])
local fields = {}
for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
local digits = 'abcdefghijklmnopqrstuvwxyz234567'
local prefix = string.match(KEYS[1], '^(.*:)[^:]*$')
local member_tail = ':' .. string.format('%015.0f', tonumber(fields['expires_at'])) .. ':'
local index_tail = ':' .. string.format('%015.0f', tonumber(fields['created_at'])) .. ':'
for n = tonumber(ARGV[2]), tonumber(ARGV[2]) + tonumber(ARGV[1]) - 1 do
  local id, rest = '', n
  for _ = 1, 26 do
    id = string.sub(digits, rest % 32 + 1, rest % 32 + 1) .. id
    rest = math.floor(rest / 32)
  end
  id = '0-' .. id
  local whose = redis.sha1hex(id) .. string.sub(redis.sha1hex(n), 1, 24)
  redis.call('HSET', prefix .. id, unpack(flat))
  redis.call('HSET', prefix .. id, 'requester', whose)
  redis.call('ZADD', KEYS[2], fields['expires_at'], whose .. member_tail .. id)
  redis.call('ZADD', KEYS[3], 0, whose .. member_tail .. id, 0, fields['rule'] .. member_tail .. id)
  redis.call('ZADD', KEYS[4], 0, 'all' .. index_tail .. id, 0, 'pending' .. index_tail .. id)
end
return redis.status_reply('OK')
"""


@dataclass(frozen=True, slots=True)
class Size:
    """Microseconds of each call with so many open tickets, and bytes a ticket."""

    tickets: int
    create: float
    vote: float
    redeem: float
    bytes_each: float


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--tickets", type=int, default=_SIZES[-1], help="the largest size (default: %(default)s)"
    )
    largest = parser.parse_args().tickets
    with _redis() as url:
        found = asyncio.run(_measure(url, [size for size in _SIZES if size <= largest]))
    first = found[0]
    print("open tickets | create µs | vote µs | redeem µs | bytes a ticket")
    for one in found:
        ratios = " | ".join(
            f"{getattr(one, name):,.0f} ({getattr(one, name) / getattr(first, name):.2f})"
            for name in ("create", "vote", "redeem")
        )
        print(f"{one.tickets:,} | {ratios} | {one.bytes_each:,.0f}")


async def _measure(url: str, sizes: list[int]) -> list[Size]:
    async with _store(url) as store:
        empty = await _used(store)
        template = (await store.create(draft(0))).ticket
        have, found = 1, []
        for size in sizes:
            await _fill(store, template.id, have, size)
            have = size
            bytes_each = (await _used(store) - empty) / have
            drafts = [draft(size * 10 + n) for n in range(_CALLS)]
            found.append(
                Size(
                    size,
                    await _undisturbed([_creating(store, each) for each in drafts]),
                    await _undisturbed([_voting(store, each) for each in drafts]),
                    await _undisturbed([_redeeming(store, each) for each in drafts]),
                    bytes_each,
                )
            )
        return found


async def _fill(store: RedisTicketStore, template: str, have: int, size: int) -> None:
    keys = Keys.of(0)
    names = (keys.ticket(template), keys.pending, keys.requesters, keys.index)
    for start in range(have, size, _BATCH):
        count = min(_BATCH, size - start)
        await store.link.command("EVAL", _COPY, len(names), *names, count, start)


def _creating(store: RedisTicketStore, each: TicketDraft) -> Callable[[], Awaitable[object]]:
    return lambda: store.create(each)


def _voting(store: RedisTicketStore, each: TicketDraft) -> Callable[[], Awaitable[object]]:
    return lambda: store.vote(each.id, 1, (vote(each),), State.APPROVED, {})


def _redeeming(store: RedisTicketStore, each: TicketDraft) -> Callable[[], Awaitable[object]]:
    check = CheckId(each.id, 1)
    return lambda: store.redeem(each.id, each.fingerprint.digest, check, 1, _NEVER)


async def _undisturbed(calls: list[Callable[[], Awaitable[object]]]) -> float:
    times = []
    for call in calls:
        started = time.perf_counter()
        answer = await call()
        times.append(time.perf_counter() - started)
        if answer is None:
            msg = "the store refused a call that nothing stands against"
            raise RuntimeError(msg)
    # The median of a busy machine tells what else it does.
    return statistics.quantiles(times, n=20)[0] * 1e6


async def _used(store: RedisTicketStore) -> int:
    reply = await store.link.command("INFO", "memory")
    text = reply.decode() if isinstance(reply, bytes) else ""
    return int(next(line for line in text.splitlines() if line.startswith("used_memory:")).partition(":")[2])


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[RedisTicketStore]:
    store = RedisTicketStore(
        RedisSettings(
            url=url,
            timeout_ms=60_000,
            max_open_total=_NEVER,
            max_open_per_requester=_NEVER,
            max_open_per_rule=_NEVER,
            tickets_per_minute=1_000_000,
            tickets_per_minute_per_requester=1_000_000,
            tickets_per_minute_per_rule=1_000_000,
            max_stored_bytes=_NEVER,
            max_stored_bytes_per_requester=_NEVER,
            durability_asserted=True,
        )
    )
    try:
        await store.start()
        yield store
    finally:
        await store.aclose()


@contextmanager
def _redis() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "redis.sock"
        conf = Path(folder) / "redis.conf"
        shipped = _CONF.read_text("utf-8").splitlines()
        # Its users are for a machine where they have passwords.
        conf.write_text("\n".join(line for line in shipped if not line.startswith("aclfile ")))
        options = ["--port", "0", "--unixsocket", str(socket)]
        # The size is what is asked for, and a rewrite of the file beside the calls would be measured with them.
        options += ["--maxmemory", "0", "--appendonly", "no"]
        server = subprocess.Popen(
            ["redis-server", str(conf), *options, "--dir", folder], stdout=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 10
            while not socket.exists():
                if server.poll() is not None or time.monotonic() > deadline:
                    msg = "redis-server didn't start"
                    raise RuntimeError(msg)
                time.sleep(0.02)
            yield f"unix://{socket}"
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
