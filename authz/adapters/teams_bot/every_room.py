"""One message in each of several rooms, at the same time: one that is slow or gone keeps no other waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from authz.services.card_ports import CardGone
from authz.services.ports import ChannelFailed, DeliveryDelayed, DeliveryRefused

log = structlog.get_logger("holdgate.teams")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: the message's id for each room that took it, and why each other one didn't."""

    taken: Mapping[str, str]
    failed: Mapping[str, ChannelFailed]


async def in_every(
    rooms: Collection[str], write: Callable[[str], Awaitable[str]], within_s: float | None = None
) -> Outcome:
    """Call `write` for all rooms at once, of which the settings allow ten, and wait for every one of them.

    What takes longer than `within_s` is given up and counts as delayed; without it `write` has to have a bound itself.
    Raises what isn't a ChannelFailed when all have ended.
    """

    async def bounded(room: str) -> str:
        try:
            async with asyncio.timeout(within_s):
                return await write(room)
        except TimeoutError as error:
            raise DeliveryDelayed(f"no answer in {within_s:g} s") from error

    results = await asyncio.gather(*(bounded(room) for room in rooms), return_exceptions=True)
    taken: dict[str, str] = {}
    failed: dict[str, ChannelFailed] = {}
    for room, result in zip(rooms, results, strict=True):
        if isinstance(result, ChannelFailed):
            failed[room] = result
            log.warning("teams.room_failed", room=room, problem=str(result))
        elif isinstance(result, BaseException):
            raise result
        else:
            taken[room] = result
    return Outcome(taken, failed)


def all_of(failed: Mapping[str, ChannelFailed]) -> ChannelFailed:
    """Return what to raise for several rooms, at least one: a delay where one may take it later."""
    msg = "; ".join(f"{room}: {error}" for room, error in failed.items())
    failures: Sequence[ChannelFailed] = list(failed.values())
    delayed = [error for error in failures if isinstance(error, DeliveryDelayed)]
    if delayed:
        after_s = max(error.after_s for error in delayed)
        return DeliveryDelayed(msg, after_s, tried=any(error.tried for error in delayed))
    if all(isinstance(error, CardGone) for error in failures):
        return CardGone(msg)
    return DeliveryRefused(msg)
