"""One of two processes that want different things of the same ticket: `python -m … URL WHAT HOW`, tickets on stdin.

For each line `TICKET REV DIGEST` it does WHAT twenty times at once, and prints how often it happened.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType

from authz.adapters.redis import end as end_module
from authz.adapters.redis import supersede as supersede_module
from authz.adapters.redis import vote as vote_module
from authz.adapters.redis import withdraw as withdraw_module
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.request import CheckId
from authz.domain.ticket import State
from authz.services.ports import RedeemResult
from tests.integration.redis.drafts import NEVER, draft, ending, vote

EACH = 20
VOTE_GUARD = (
    "known[1] ~= 'pending' or known[2] ~= rev or "
    "tonumber(number) - withdrawals ~= tonumber(earlier_votes)\n  or "
)
GUARDS: tuple[tuple[ModuleType, str], ...] = (
    (vote_module, VOTE_GUARD),
    (vote_module, "if redis.call('HEXISTS', ticket, 'vote:' .. number) == 1 then"),
    (withdraw_module, "known[1] ~= 'pending' or known[2] ~= rev or "),
    (end_module, "known[1] ~= from or (from == 'pending' and known[2] ~= rev) or "),
    (supersede_module, "not live or known[2] ~= rev"),
)
Wish = Callable[[RedisTicketStore, str, int, str], Awaitable[bool]]


async def approve(store: RedisTicketStore, ticket: str, rev: int, _: str) -> bool:
    loaded = await store.vote(ticket, rev, [vote(), vote(who="carol")], State.APPROVED, {})
    return loaded is not None


async def approve_alone(store: RedisTicketStore, ticket: str, rev: int, _: str) -> bool:
    return await store.vote(ticket, rev, [vote()], State.APPROVED, {}) is not None


async def withdraw(store: RedisTicketStore, ticket: str, rev: int, _: str) -> bool:
    return await store.withdraw(ticket, rev, "bob") is not None


async def revoke(store: RedisTicketStore, ticket: str, rev: int, _: str) -> bool:
    return await store.end(ticket, rev, State.REVOKED, ending()) is not None


async def supersede(store: RedisTicketStore, ticket: str, rev: int, digest: str) -> bool:
    return await store.supersede(ticket, rev, draft(f"/instead-of/{ticket}/{digest}")) is not None


async def redeem(store: RedisTicketStore, ticket: str, _: int, digest: str) -> bool:
    check = CheckId(os.urandom(8).hex(), 1)
    return await store.redeem(ticket, digest, check, 1, NEVER) is RedeemResult.REDEEMED


WISHES: dict[str, Wish] = {
    one.__name__: one for one in (approve, approve_alone, withdraw, revoke, supersede, redeem)
}


def remove_guards() -> None:
    """Let every transition happen, whatever happened before it."""
    for module, guard in GUARDS:
        source = module._SCRIPT.source.decode()
        assert guard in source
        nothing = "if false then" if guard.startswith("if ") else "false" if guard.startswith("not") else ""
        vars(module)["_SCRIPT"] = Script.of(source.replace(guard, nothing))


async def main(url: str, what: str, how: str) -> None:
    if how == "unguarded":
        remove_guards()
    settings = RedisSettings(url=url, timeout_ms=20_000, tickets_per_minute_per_requester=10_000)
    store = RedisTicketStore(settings)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        ticket, rev, digest = line.split()
        results = await asyncio.gather(*(WISHES[what](store, ticket, int(rev), digest) for _ in range(EACH)))
        sys.stdout.write(f"{sum(results)}\n")
        sys.stdout.flush()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
