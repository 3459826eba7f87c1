"""What stands between delivery and each channel: a breaker, and a digest in the place of too many cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from authz.adapters.redis.storm_book import RedisStormBook
from authz.adapters.telemetry.guard_observer import GuardObserver
from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap.outside import Outside, redis_settings
from authz.services.circuit import Circuit
from authz.services.digest import Digest, Digesting
from authz.services.ports import Channel
from authz.services.storm import Storm, StormSettings
from authz.services.teller import GuardedTeller, Teller
from authz.settings import Settings


@dataclass(frozen=True, slots=True)
class Guarded:
    """Channels by their names behind their guards, and those of them that tell a person in private."""

    channels: Mapping[str, Channel]
    tellers: Mapping[str, Teller]


def guarded(
    channels: Mapping[str, Channel], settings: Settings, outside: Outside, metrics: Metrics
) -> Guarded:
    """Put guards before each channel. What a channel does goes through one breaker, whatever it is."""
    observer = GuardObserver(metrics)
    book = RedisStormBook(outside.store, redis_settings(settings))
    circuits = {name: Circuit(name, channel, observer) for name, channel in channels.items()}
    return Guarded(
        {
            name: _digesting(name, channel, circuits[name], book, observer, settings.storm_tickets)
            for name, channel in channels.items()
        },
        {
            name: GuardedTeller(channel, circuits[name].through)
            for name, channel in channels.items()
            if isinstance(channel, Teller)
        },
    )


def _digesting(  # noqa: PLR0913, PLR0917 - each is one collaborator, named at the only call
    name: str,
    channel: Channel,
    circuit: Circuit,
    book: RedisStormBook,
    observer: GuardObserver,
    tickets: int,
) -> Channel:
    if not tickets or not isinstance(channel, Digesting):
        return circuit
    post = partial(_post, circuit, channel)
    storm = StormSettings(tickets)
    return Storm(name, circuit, post, book, observer, in_place=channel.in_place, settings=storm)


async def _post(circuit: Circuit, channel: Digesting, digest: Digest, reference: str) -> str:
    return await circuit.through(partial(channel.digest, digest, reference))
