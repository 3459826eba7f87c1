from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, async_playwright

from authz.entrypoints.console.demo_guard import DemoGuard
from tests.support.served_console import address_of, loopback_socket, served
from tests.unit.console.conftest import child_pid, guard
from tests.unit.console.world import World

__all__ = ["child_pid", "guard"]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True, slots=True)
class Live:
    """A console that a browser can open."""

    world: World
    url: str


@pytest.fixture
async def live(guard: DemoGuard) -> AsyncIterator[Live]:
    bound = loopback_socket()
    world = World(guard, public_url=address_of(bound))
    async with served(world.app, bound):
        yield Live(world, address_of(bound))


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium with a fresh profile."""
    binary = shutil.which("chromium")
    assert binary, "install the Debian package chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield browser
        await browser.close()
