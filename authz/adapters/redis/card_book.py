"""The services' CardBook and Callbacks, in the Redis of the tickets."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from secrets import token_hex
from typing import Final, cast

import orjson
import structlog

from authz.adapters.redis.keys import Keys, every_partition, keys_of
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.services.card_ports import CARDS_MAX, Card

CALLBACK_KEPT_MS: Final = 14 * 24 * 3_600_000
"""At least: no chat's proof of a press is good for so long. And always longer than any ticket can be decided on."""

log = structlog.get_logger("holdgate.notifier")

_KEEP = packaged("card_keep", prelude=False)


class RedisCardBook:
    """Cards and presses, beside the tickets. Use it from one event loop."""

    def __init__(self, tickets: RedisTicketStore, settings: RedisSettings) -> None:
        """Share the connections of the ticket store."""
        self._tickets = tickets
        self._settings = settings
        self._partitions = every_partition(settings.partitions)

    async def cards(self, ticket_id: str, channel: str) -> Sequence[Card]:
        """See CardBook. Raises RecordUnreadable for what no release wrote."""
        name = self._keys(ticket_id).cards(ticket_id)
        flat = cast("list[bytes]", await self._tickets.link.command("HGETALL", name, key=name))
        prefix = f"{channel} ".encode()
        found = zip(flat[::2], flat[1::2], strict=True)
        return [_decode(value) for field, value in found if field.startswith(prefix)]

    async def keep(self, ticket_id: str, channel: str, card: Card) -> None:
        """See CardBook."""
        await self._tickets.trust()
        keys = self._keys(ticket_id)
        args = (_field(channel, card), _encode(card), CARDS_MAX, self._settings.retention_ms)
        if not await self._tickets.link.run(_KEEP, (keys.cards(ticket_id), keys.ticket(ticket_id)), args):
            log.warning("card.not_remembered", ticket=ticket_id, channel=channel, most=CARDS_MAX)

    async def forget(self, ticket_id: str, channel: str, card: Card) -> None:
        """See CardBook."""
        name = self._keys(ticket_id).cards(ticket_id)
        await self._tickets.link.command("HDEL", name, _field(channel, card), key=name)

    async def first(self, channel: str, callback: str) -> bool:
        """See Callbacks. Which ticket it is about makes no difference: an id is given once."""
        await self._tickets.trust()
        digest = sha256(f"{channel}\0{callback}".encode("utf-8", "surrogatepass")).digest()
        keys = self._partitions[int.from_bytes(digest[:8], "big") % len(self._partitions)]
        name = keys.callback(digest.hex())
        kept_ms = max(CALLBACK_KEPT_MS, self._settings.longest_life_ms + self._settings.retention_ms)
        mark = token_hex(8).encode()
        link = self._tickets.link
        if await link.command("SET", name, mark, "NX", "PX", kept_ms, key=name) is not None:
            return True
        # A command whose answer was lost is sent again, and finds its own mark.
        return await link.command("GET", name, key=name) == mark

    def _keys(self, ticket_id: str) -> Keys:
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            msg = f"{ticket_id!r} is not a ticket in {self._settings.partitions} partition(s)"
            raise ValueError(msg)
        return keys


def _field(channel: str, card: Card) -> str:
    """Name a card in a hash: channels' names have no blanks, and references may be of any length."""
    digest = sha256(f"{card.place}\0{card.reference}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{channel} {digest[:32]}"


def _encode(card: Card) -> bytes:
    return orjson.dumps([card.place, card.reference, card.told])


def _decode(value: bytes) -> Card:
    try:
        place, reference, told = orjson.loads(value)
    except ValueError as error:
        raise RecordUnreadable("the place of a card can't be read") from error
    return Card(place, reference, told)
