from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from authz.adapters.oidc.fetch import provider_client
from tests.support.bot_framework_server import BotFramework, bot_framework


@pytest.fixture
async def vendor() -> AsyncIterator[BotFramework]:
    async with bot_framework() as vendor:
        yield vendor


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with provider_client(5.0) as client:
        yield client
