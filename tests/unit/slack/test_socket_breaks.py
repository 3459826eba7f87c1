"""A connection to Slack that breaks, or brings what nobody foresaw, is followed by another one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.response import BoltResponse
from structlog.testing import capture_logs

from authz.adapters.slack.web import SlackWeb
from authz.entrypoints.chat.slack_app import SlackApp
from authz.entrypoints.chat.slack_socket import SlackSocket, SocketSettings
from authz.services.backoff import Backoff

ODD, FINE = {"type": "odd"}, {"type": "fine"}


class Slack:
    """Sends an odd message and a fine one over each connection, and remembers what was acknowledged."""

    def __init__(self) -> None:
        self.connections = 0
        self.acknowledged: list[str] = []
        self.fine = asyncio.Event()
        self.address = ""
        self.proxy = None

    async def connection(self, request: web.Request) -> web.WebSocketResponse:
        self.connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello"})
        for envelope, payload in (("odd", ODD), ("fine", FINE)):
            await socket.send_json({"type": "interactive", "envelope_id": envelope, "payload": payload})
        async for message in socket:
            self.acknowledged.append(json.loads(message.data)["envelope_id"])
            self.fine.set()
        return socket

    async def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert method == "apps.connections.open"
        assert arguments == {"token": "xapp-1"}
        return {"ok": True, "url": self.address}


class App:
    """Fails at the odd message."""

    async def dispatch(self, payload: Mapping[str, Any]) -> BoltResponse:
        if payload == ODD:
            raise TypeError("a token xoxb-secret and a path")
        return BoltResponse(status=200, body="")


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = Slack()
    application = web.Application()
    application.router.add_get("/socket", slack.connection)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    slack.address = f"ws://{host}:{port}/socket"
    yield slack
    await runner.cleanup()


async def running(slack: Slack, until: asyncio.Event) -> None:
    """Run until something is so; raises what the connection ends with by itself."""
    backoff = Backoff(0.001, 0.002)
    socket = SlackSocket(cast("SlackWeb", slack), cast("SlackApp", App()), SocketSettings("xapp-1", backoff))
    stop = asyncio.Event()
    run, reached = asyncio.create_task(socket.run(stop)), asyncio.create_task(until.wait())
    done, _ = await asyncio.wait({run, reached}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    reached.cancel()
    await run
    assert reached in done, "it ended by itself"


async def test_a_connection_that_breaks_while_a_message_is_answered_is_made_anew(
    slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = aiohttp.ClientWebSocketResponse.send_str

    async def broken_once(socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
        if slack.connections == 1:
            raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")
        await sending(socket, text)

    monkeypatch.setattr(aiohttp.ClientWebSocketResponse, "send_str", broken_once)
    await running(slack, slack.fine)
    assert (slack.connections, slack.acknowledged) == (2, ["fine"])


async def test_a_message_that_nobody_foresaw_keeps_no_other_from_being_taken(slack: Slack) -> None:
    """Slack sends it again, because it wasn't acknowledged; the log has its error's type and not its text."""
    with capture_logs() as lines:
        await running(slack, slack.fine)
    assert slack.acknowledged == ["fine"]
    assert [line["error"] for line in lines if line["event"] == "slack.socket_message_failed"] == [
        "TypeError"
    ]
    assert "xoxb" not in str(lines)
