"""What every room of a channel is told: alarms, and the count of tickets that get no card each."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from authz.adapters.teams_bot.every_room import Outcome, all_of, in_every
from authz.adapters.teams_bot.messages import Message
from authz.adapters.teams_bot.wire import Wire
from authz.services.card_ports import CardGone
from authz.services.digest import Digest
from authz.services.ports import Alarm

ALARMS_MAX: Final = 200
"""How many alarms are remembered; the oldest goes first."""

WITHIN_S: Final = 9.0
"""For the digest in one room. A storm changes up to two and posts one, and others take it for dead after 30 s."""

AGAIN_MS: Final = 60_000
"""How long after it didn't take the digest a room is left alone while others have it."""


class Announcing:
    """Writes to the rooms of one channel. A room that fails costs no other room anything, neither time nor repeats."""

    def __init__(
        self, wire: Wire, rooms: Collection[str], service_of: Callable[[str], Awaitable[str]]
    ) -> None:
        """`service_of` returns the address of the service that a room is reached at."""
        self._wire = wire
        self._rooms = rooms
        self._service_of = service_of
        self._alarmed: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._failed_at: dict[str, int] = {}

    async def alarm(self, alarm: Alarm, message: Message) -> str:
        """Post in every room that this process didn't post it in before, and return the ids of the messages.

        Raises DeliveryDelayed and DeliveryRefused, each naming the rooms, when all were tried.
        """
        taken = self._taken(f"{alarm.type.value} {alarm.review.id} {alarm.rev}")
        missing = [room for room in self._rooms if room not in taken]
        outcome = await self._posted(missing, message)
        taken |= outcome.taken
        if outcome.failed:
            raise all_of(outcome.failed)
        return " ".join(taken[room] for room in self._rooms)

    async def digest(self, digest: Digest, message: Message, reference: str) -> str:
        """See CardPoster. The reference is `ROOM=ID` for each room that has it, with blanks between them.

        It is posted anew where it was deleted, and, a while later, in rooms that didn't take it before. Raises
        DeliveryDelayed, DeliveryRefused and CardGone where no room took it.
        """
        known = _rooms_of(reference)
        changed = await self._changed(known, message)
        left = {room: known[room] for room in known if not isinstance(changed.failed.get(room), CardGone)}
        due = () if digest.moved else [room for room in self._rooms if room not in left]
        if left:
            due = [room for room in due if digest.now - self._failed_at.get(room, 0) >= AGAIN_MS]
        posted = await self._posted(due, message, WITHIN_S)
        self._failed_at |= dict.fromkeys(posted.failed, digest.now)
        failed = {**changed.failed, **posted.failed}
        if failed and not changed.taken and not posted.taken:
            raise all_of(failed)
        left |= posted.taken
        return " ".join(f"{room}={identifier}" for room, identifier in left.items())

    async def _posted(
        self, rooms: Collection[str], message: Message, within_s: float | None = None
    ) -> Outcome:
        # Asked before anything is posted: without Redis nothing is, and nothing is lost of what was.
        services = {room: await self._service_of(room) for room in rooms}

        async def post(room: str) -> str:
            return await self._wire.post(services[room], room, message)

        return await in_every(rooms, post, within_s)

    async def _changed(self, known: Mapping[str, str], message: Message) -> Outcome:
        services = {room: await self._service_of(room) for room in known}

        async def change(room: str) -> str:
            await self._wire.update(services[room], room, known[room], message)
            return known[room]

        return await in_every(known, change, WITHIN_S)

    def _taken(self, alarm: str) -> dict[str, str]:
        """Return the rooms that have an alarm, with the ids of the messages, to be added to."""
        taken = self._alarmed.setdefault(alarm, {})
        self._alarmed.move_to_end(alarm)
        if len(self._alarmed) > ALARMS_MAX:
            self._alarmed.popitem(last=False)
        return taken


def _rooms_of(reference: str) -> dict[str, str]:
    parts = (one.rpartition("=") for one in reference.split())
    return {room: identifier for room, _, identifier in parts}
