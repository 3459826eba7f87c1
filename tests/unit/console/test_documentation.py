from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from authz.domain.ticket import State
from authz.entrypoints.console.demo_address import one_time_address
from authz.entrypoints.console.demo_guard import DemoGuard
from tests.support.served_console import address_of, loopback_socket, served
from tests.unit.console.world import KEY, World

PAGE = Path(__file__).parents[3] / "docs" / "review-page.md"


async def test_the_script_on_the_page_votes(guard: DemoGuard) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    script: dict[str, Any] = {}
    exec(code.group(1), script)  # noqa: S102 - the documentation's own
    bound = loopback_socket()
    url = address_of(bound)
    world = World(guard, public_url=url)
    ticket = await world.held()
    async with served(world.app, bound):
        await asyncio.to_thread(script["vote"], url, one_time_address(url, KEY), "bob", ticket.id)
    assert (await world.now(ticket)).state is State.APPROVED
