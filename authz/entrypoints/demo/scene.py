"""What the steps of the walk work with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from authz.entrypoints.demo.console_visit import ConsoleVisit
from authz.entrypoints.demo.expectation import Mismatch, expect
from authz.entrypoints.demo.gate_client import GateClient
from authz.entrypoints.demo.own_command import Ended, own_command
from authz.entrypoints.demo.ports import LOOPBACK
from authz.entrypoints.demo.room_card import RoomCard
from authz.entrypoints.demo.room_pages import room_address
from authz.entrypoints.demo.run_directory import RunDirectory
from authz.entrypoints.demo.screen import Screen

_CARD_PATIENCE = 15.0  # seconds
_POLL = 0.05


@dataclass(slots=True)
class Ticket:
    """A ticket as the walk remembers it."""

    id: str
    token: str = field(repr=False)


@dataclass(slots=True)
class Scene:
    """The running stack, and what the walk has got so far: its tickets, by the name the story gives them."""

    run: RunDirectory
    screen: Screen
    gate: GateClient
    console: ConsoleVisit
    room_port: int
    environ: Mapping[str, str]
    tickets: dict[str, Ticket] = field(default_factory=dict)

    async def cards(self, ticket_id: str) -> list[RoomCard]:
        """Return the cards about a ticket, once there is one. Raises Mismatch when none comes."""
        return await self._cards(lambda about: about == ticket_id)

    async def drawn(self, ticket_id: str) -> str:
        """Return the address where the room draws the cards of a ticket. Raises Mismatch when it doesn't."""
        address = room_address(self.room_port, ticket_id)
        async with httpx.AsyncClient(trust_env=False, timeout=_CARD_PATIENCE) as client:
            expect("status of the drawn card", httpx.codes.OK, (await client.get(address)).status_code)
        return address

    async def another_ticket(self) -> str:
        """Return the id of a ticket that the walk doesn't know, once there is a card about it. Raises Mismatch."""
        known = {ticket.id for ticket in self.tickets.values()}
        cards = await self._cards(lambda about: about not in known)
        return cards[0].ticket_id

    async def _cards(self, wanted: Callable[[str], bool]) -> list[RoomCard]:
        deadline = time.monotonic() + _CARD_PATIENCE
        async with httpx.AsyncClient(trust_env=False, timeout=_CARD_PATIENCE) as client:
            while time.monotonic() < deadline:
                answer = await client.get(f"http://{LOOPBACK}:{self.room_port}/messages")
                cards = [RoomCard(message) for message in answer.json()["messages"]]
                found = [card for card in cards if card.ticket_id and wanted(card.ticket_id)]
                if found:
                    return found
                await asyncio.sleep(_POLL)
        raise Mismatch("cards in the room", f"one within {_CARD_PATIENCE:g} s", "none")

    async def upstream_hits(self) -> dict[str, int]:
        """Return how often the upstream was reached, by method and path."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.run.upstream_socket))
        async with httpx.AsyncClient(transport=transport) as client:
            hits: dict[str, int] = (await client.get("http://upstream/hits")).json()
        return hits

    async def command(self, *arguments: str) -> Ended:
        """Run a `holdgate` command, shown as a person would type it."""
        self.screen.typed(" ".join(("holdgate", *arguments)))
        return await own_command({**self.environ, "RUN_DIR": str(self.run.root)}, *arguments)
