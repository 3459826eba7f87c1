"""Everything that comes in from chats, as long as the console runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.routing import BaseRoute

from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap.outside import Outside
from authz.bootstrap.slack import slack_workspaces
from authz.bootstrap.teams_bot import open_teams
from authz.entrypoints.chat.in_hand import InHand
from authz.entrypoints.chat.teams_inbound import teams_inbound
from authz.settings import Settings

Spawn = Callable[[Coroutine[object, object, None], str], asyncio.Task[None]]
"""Starts what should run until the end, and is watched by the process."""


@asynccontextmanager
async def chats(
    settings: Settings, outside: Outside, metrics: Metrics, spawn: Spawn
) -> AsyncIterator[list[BaseRoute]]:
    """Give the routes that chats call. Leaving waits a bounded time for what is being decided."""
    metrics.chat_limit.set(settings.chat_messages)
    async with AsyncExitStack() as stack:
        routes: list[BaseRoute] = []
        if workspaces := slack_workspaces(settings, outside):
            from authz.entrypoints.chat.slack import slack_inbound  # noqa: PLC0415 - an extra

            in_hand = _in_hand("slack", settings, metrics, stack)
            inbound = slack_inbound(workspaces, settings.public_url, in_hand, metrics, spawn)
            routes += await stack.enter_async_context(inbound)
        if teams := await stack.enter_async_context(open_teams(settings, outside)):
            routes += teams_inbound(teams, _in_hand("teams", settings, metrics, stack)).routes()
        yield routes


def _in_hand(chat: str, settings: Settings, metrics: Metrics, stack: AsyncExitStack) -> InHand:
    """Return what one chat has in hand: one that is flooded keeps no other's people waiting."""
    made = InHand(settings.chat_messages, metrics.chat_turned_away.labels(chat).inc)
    metrics.chat_in_hand.labels(chat).set_function(lambda: made.count)
    stack.push_async_callback(made.drain)
    return made
