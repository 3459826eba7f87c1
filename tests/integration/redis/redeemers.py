"""One of several processes that redeem the same grants at once: `python -m … URL HOW`, tickets on stdin.

For each line `TICKET DIGEST` it sends 500 redemptions at once, each a Check of its own, and prints how many
were let through and how many found the grant used up.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence

from authz.adapters.redis import redeem as redeem_module
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.request import CheckId
from authz.services.ports import RedeemResult
from tests.integration.redis.drafts import NEVER

EACH = 500
STATE_GUARDS = (
    "if state == 'used_up' or state == 'lapsed' then\n  return state\nend\n",
    "if state ~= 'approved' then\n  return 'not_approved'\nend\n",
)
USES_GUARD = "if used >= math.min(tonumber(known[4]), uses_now) then\n  return 'used_up'\nend\n"


def unguarded(guards: Sequence[str]) -> Script:
    """The redeem script without these lines."""
    source = redeem_module._SCRIPT.source.decode()
    for guard in guards:
        assert guard in source
        source = source.replace(guard, "")
    return Script.of(source)


async def main(url: str, how: str) -> None:
    if how == "unguarded":
        redeem_module._SCRIPT = unguarded([*STATE_GUARDS, USES_GUARD])
    store = RedisTicketStore(RedisSettings(url=url, timeout_ms=20_000, max_connections=32))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        ticket, digest = line.split()
        checks = (CheckId(f"{os.getpid()}-{number}", number) for number in range(EACH))
        results = await asyncio.gather(*(store.redeem(ticket, digest, check, 1, NEVER) for check in checks))
        counted = Counter(results)
        sys.stdout.write(f"{counted[RedeemResult.REDEEMED]} {counted[RedeemResult.USED_UP]}\n")
        sys.stdout.flush()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
