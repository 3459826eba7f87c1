from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from authz.adapters.oidc.fetch import provider_client
from tests.integration.teams_bot.world import World
from tests.support.bot_framework_server import bot_framework


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with bot_framework() as vendor, provider_client(5.0) as client:
        made = World(vendor, client, settings=vendor.settings())
        yield made
        await made.settle()
        await made.http.aclose()
