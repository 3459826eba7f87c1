"""The demo's room in a real browser: cards as the renderer of Teams' clients draws them, and the page beside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser
from starlette.applications import Starlette

from authz.adapters.teams.elements import BREAK
from authz.entrypoints.console.demo_address import one_time_address
from authz.entrypoints.console.demo_guard import DemoGuard
from authz.entrypoints.demo.room_pages import RoomPages
from tests.e2e.cards.kinds import held, kinds, posted
from tests.e2e.cards.renderer import CardRenderer
from tests.support.served_console import address_of, loopback_socket, served
from tests.unit.console.conftest import child_pid, guard
from tests.unit.console.world import KEY, World

__all__ = ["child_pid", "guard"]

pytestmark = pytest.mark.chromium

OF_WEBHOOKS = {name: card for name, card in kinds() if not name.startswith("bot-")}


@dataclass
class Room:
    """The room, and what is in it."""

    url: str
    messages: list[dict[str, Any]] = field(default_factory=list)

    def post(self, card: dict[str, Any]) -> None:
        self.messages.append({"attachments": [{"content": card}]})


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    bound = loopback_socket()
    made = Room(address_of(bound))
    async with served(Starlette(routes=RoomPages(lambda: made.messages).routes()), bound):
        yield made


def words(text: str) -> list[str]:
    return text.replace(BREAK, "").split()


@pytest.mark.card_renderer
@pytest.mark.timeout(120)
async def test_it_reads_as_in_teams(room: Room, chromium: Browser) -> None:
    renderer = await CardRenderer.on(chromium)
    page = await chromium.new_page()
    different = {}
    for name, card in OF_WEBHOOKS.items():
        room.messages.clear()
        room.post(card)
        await page.goto(room.url)
        drawn = words(await page.locator(".card").inner_text())
        if drawn != words((await renderer.draw(card)).words):
            different[name] = drawn
    assert different == {}


async def test_its_button_opens_the_page_beside_it(room: Room, chromium: Browser, guard: DemoGuard) -> None:
    bound = loopback_socket()
    world = World(guard, public_url=address_of(bound))
    async with served(world.app, bound):
        ticket = await world.held()
        card = posted(ticket, public_url=world.site.public_url)
        room.post(card)
        context = await chromium.new_context(viewport={"width": 640, "height": 800})
        page = await context.new_page()
        await page.goto(one_time_address(world.site.public_url, KEY))
        await page.get_by_role("button", name="Bob").click()
        await page.goto(f"{room.url}/cards/{ticket.id}")
        async with context.expect_page() as opening:
            await page.get_by_role("link", name="Review and decide").click()
        beside = await opening.value
        await beside.get_by_role("heading", name="What will run").wait_for()
        assert await page.get_by_text("Approval needed").is_visible()
        await beside.get_by_role("button", name="Approve this request").click()
        await beside.get_by_text("Approved by").wait_for()


@pytest.mark.parametrize("scripts", [True, False])
async def test_without_scripts_it_works_as_well(room: Room, chromium: Browser, scripts: bool) -> None:
    """A button opens another tab, and a new card comes by itself only with them."""
    context = await chromium.new_context(java_script_enabled=scripts)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(room.url)
    await page.get_by_text("No card yet.").wait_for()
    room.post(posted(held()))
    if not scripts:
        await page.reload()
    await page.get_by_text("Approval needed").wait_for()
    async with context.expect_page() as opening:
        await page.get_by_role("link", name="Review and decide").click()
    assert await opening.value is not page
    assert complaints == []
