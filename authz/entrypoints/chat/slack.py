"""Takes what people do in Slack, for every app of the settings, as long as the console runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.routing import BaseRoute

from authz.adapters.slack.signature import SlackSignature
from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap.slack import SlackWorkspace
from authz.entrypoints.chat.chats import Spawn
from authz.entrypoints.chat.in_hand import InHand
from authz.entrypoints.chat.slack_app import SlackApp
from authz.entrypoints.chat.slack_check import check_workspace
from authz.entrypoints.chat.slack_desk import DeskParts, Room, SlackDesk
from authz.entrypoints.chat.slack_http import SignedApp, SlackEvents
from authz.entrypoints.chat.slack_socket import SlackSocket, SocketSettings


@asynccontextmanager
async def slack_inbound(
    workspaces: Sequence[SlackWorkspace], public_url: str, in_hand: InHand, metrics: Metrics, spawn: Spawn
) -> AsyncIterator[list[BaseRoute]]:
    """Connect for the apps that use Socket Mode, and give the route for those that use HTTP, where there are any."""
    stop = asyncio.Event()
    signed: list[SignedApp] = []
    sockets: list[SlackSocket] = []
    for workspace in workspaces:
        # It does no more than say what is wrong, so that a bound below the number of apps doesn't end the console.
        in_hand.leave(check_workspace(workspace.web, workspace.team))
        app = SlackApp(SlackDesk(_parts(workspace, public_url)), in_hand)
        if workspace.app_token:
            sockets.append(SlackSocket(workspace.web, app, SocketSettings(workspace.app_token)))
        else:
            signed.append(SignedApp(app, SlackSignature(workspace.signing_secret, time.time)))
    metrics.slack_unconnected.set_function(lambda: sum(not socket.connected.is_set() for socket in sockets))
    running = [spawn(socket.run(stop), "slack-socket") for socket in sockets]
    try:
        yield [SlackEvents(signed).route()] if signed else []
    finally:
        stop.set()
        await asyncio.gather(*running, return_exceptions=True)


def _parts(workspace: SlackWorkspace, public_url: str) -> DeskParts:
    return DeskParts(
        web=workspace.web,
        team=workspace.team,
        public_url=public_url,
        rooms=[Room(name, channel, cards) for name, channel, cards in workspace.rooms],
        store=workspace.store,
        deciding=workspace.deciding,
        approvals=workspace.approvals,
    )
