"""Taking one use of a grant."""

from __future__ import annotations

from typing import cast

from authz.adapters.redis.codec import encode_check, encode_data
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link, Reply
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.domain.request import CheckId
from authz.domain.ticket import REPLAY_WINDOW_MS, REPLAYS_MAX
from authz.services.ports import RedeemResult

_SCRIPT = packaged("redeem", prelude=True)
# Checks remembered for each ticket. A replay comes within seconds; one that was forgotten after this many
# further uses costs a use, and never gives one.
_REMEMBERED = 64

# A replay as well: the answer of the first may have been held back because the replicas didn't have it.
_PASSING = {b"redeemed", b"replayed"}


async def redeem(  # noqa: PLR0913, PLR0917 - the port's arguments, and where
    link: Link,
    keys: Keys,
    settings: RedisSettings,
    ticket_id: str,
    digest: str,
    check: CheckId,
    uses: int,
    window_ms: int,
) -> RedeemResult:
    """Take a use for this Check, with its audit event. Raises StoreUnavailable, RecordUnreadable."""
    data = encode_data({"check": {"http_id": check.http_id, "time_ns": str(check.time_ns)}})
    args = (
        ticket_id,
        digest,
        encode_check(check),
        "1" if check.http_id else "0",
        uses,
        window_ms,
        settings.retention_ms,
        REPLAY_WINDOW_MS,
        REPLAYS_MAX,
        _REMEMBERED,
        data,
        data,
        settings.body_retention_ms,
    )
    names = (*keys.shared, keys.ticket(ticket_id), keys.body(ticket_id))
    reply = cast("bytes", await link.run(_SCRIPT, names, args, lasting=_took_a_use))
    return RedeemResult(reply.decode())


def _took_a_use(reply: Reply) -> bool:
    return reply in _PASSING
