"""What stands between delivery and each channel: a breaker, and a digest in the place of too many cards."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from authz.adapters.redis.storm_book import RedisStormBook
from authz.adapters.telemetry.guard_observer import GuardObserver
from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap.outside import Outside, redis_settings
from authz.services.circuit import Circuit
from authz.services.digest import Digest, Digesting
from authz.services.ports import Channel
from authz.services.storm import Storm, StormSettings
from authz.settings import Settings


def guarded(
    channels: Mapping[str, Channel], settings: Settings, outside: Outside, metrics: Metrics
) -> dict[str, Channel]:
    """Return each channel by its name behind its guards."""
    observer = GuardObserver(metrics)
    book = RedisStormBook(outside.store, redis_settings(settings))
    return {
        name: _guarded(name, channel, book, observer, settings.storm_tickets)
        for name, channel in channels.items()
    }


def _guarded(
    name: str, channel: Channel, book: RedisStormBook, observer: GuardObserver, tickets: int
) -> Channel:
    circuit = Circuit(name, channel, observer)
    if not tickets or not isinstance(channel, Digesting):
        return circuit
    post = partial(_post, circuit, channel)
    storm = StormSettings(tickets)
    return Storm(name, circuit, post, book, observer, in_place=channel.in_place, settings=storm)


async def _post(circuit: Circuit, channel: Digesting, digest: Digest, reference: str) -> str:
    return await circuit.through(partial(channel.digest, digest, reference))
