from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.slack.world import World, world


@pytest.fixture
async def room() -> AsyncIterator[World]:
    """A Slack with one channel, in which nothing is posted yet."""
    async with world() as made:
        yield made
