"""The services' StormBook: each channel's count of its tickets, for all notifiers together."""

from __future__ import annotations

from typing import Final, cast

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Argument, Reply
from authz.adapters.redis.script import Script, packaged
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.services.digest import Digest
from authz.services.storm import NotYet, StormSettings, Turn

DIGESTED_MAX: Final = 20_000
"""Tickets of a channel that are known to be in its digest; what becomes of older ones is told one by one again."""

_ENTER = packaged("storm", "storm_enter", prelude=False)
_LEAVE = packaged("storm", "storm_leave", prelude=False)
_TURN = packaged("storm", "storm_turn", prelude=False)
_TOLD = packaged("storm", "storm_told", prelude=False)


class RedisStormBook:
    """Storms in the Redis of the tickets, each channel's on one node. Use it from one event loop."""

    def __init__(self, tickets: RedisTicketStore, settings: RedisSettings) -> None:
        """Share the connections of the ticket store."""
        self._tickets = tickets
        self._settings = settings
        self._keys = Keys.of(0)

    async def enter(self, channel: str, ticket_id: str, settings: StormSettings, *, own_card: bool) -> int:
        """See StormBook."""
        await self._tickets.trust()
        bounds = (settings.tickets, settings.window_ms, settings.quiet_ms)
        kept = (self._settings.retention_ms, DIGESTED_MAX)
        return _number(await self._run(_ENTER, channel, ticket_id, int(own_card), *bounds, *kept))

    async def inside(self, channel: str, ticket_id: str) -> bool:
        """See StormBook."""
        _, _, digested, _ = self._keys.storm(channel)
        return await self._tickets.link.command("ZSCORE", digested, ticket_id, key=digested) is not None

    async def leave(self, channel: str, ticket_id: str, *, in_place: bool) -> int:
        """See StormBook."""
        await self._tickets.trust()
        return _number(await self._run(_LEAVE, channel, ticket_id, int(in_place), 0))

    async def forget(self, channel: str, ticket_id: str) -> None:
        """See StormBook."""
        await self._tickets.trust()
        await self._run(_LEAVE, channel, ticket_id, 0, 1)

    async def turn(
        self, channel: str, number: int, token: str, settings: StormSettings
    ) -> Turn | NotYet | None:
        """See StormBook."""
        await self._tickets.trust()
        times = (settings.update_ms, settings.post_ms, settings.claim_ms)
        match cast("list[bytes | int]", await self._run(_TURN, channel, number, token, *times)):
            case []:
                return None
            case [after_ms]:
                return NotYet(int(after_ms))
            case [last, bytes() as reference, bytes() as old, waiting, total, since, now]:
                digest = Digest(int(waiting), int(total), int(since), int(now))
                return Turn(int(last), digest, reference.decode(), old.decode())
            case other:
                msg = f"storm_turn.lua returned {other!r}"
                raise AssertionError(msg)

    async def told(self, channel: str, token: str, number: int, reference: str) -> None:
        """See StormBook. Nothing happens when the turn went to somebody else meanwhile."""
        await self._run(_TOLD, channel, token, number, reference, self._settings.retention_ms)

    async def give_back(self, channel: str, token: str) -> None:
        """See StormBook."""
        await self._run(_TOLD, channel, token, "", "", self._settings.retention_ms)

    async def _run(self, script: Script, channel: str, *args: Argument) -> Reply:
        return await self._tickets.link.run(script, self._keys.storm(channel), args)


def _number(reply: Reply) -> int:
    return int(cast("bytes", reply))
