"""Messages of Slack that come over a connection of our own (Socket Mode), for a gate that nobody outside can reach.

Not the SDK's client: its queue has no bound, and after a failed connection it tries one address that is good once for
ever. Here one message is taken after the other, and each connection has an address of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import structlog

from authz.adapters.slack.web import ApiFailed, SlackWeb
from authz.entrypoints.chat.slack_app import SlackApp
from authz.services.backoff import Backoff

MESSAGE_MAX: Final = 1024 * 1024
HEARTBEAT_S: Final = 10.0
CONNECT_SECONDS: Final = 15.0
SETTLED_S: Final = 5.0
"""A connection that ends sooner counts as a failed one, so that nobody connects in a circle."""

_OK: Final = 200
_KINDS: Final = frozenset({"interactive", "slash_commands"})

log = structlog.get_logger("holdgate.slack")


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """`app_token` opens connections (`xapp-…`). `backoff` is between those that fail."""

    app_token: str
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=1.0, max_s=30.0))


class SlackSocket:
    """One app's connection, made anew whenever it ends."""

    def __init__(self, web: SlackWeb, app: SlackApp, settings: SocketSettings) -> None:
        self._web = web
        self._app = app
        self._settings = settings
        self.connected = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Take messages until `stop` is set."""
        stopping = asyncio.create_task(stop.wait())
        try:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
                serving = asyncio.create_task(self._serve(session))
                await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                if not stop.is_set():
                    serving.result()
        finally:
            self.connected.clear()
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)

    async def _serve(self, session: aiohttp.ClientSession) -> None:
        """Open the next connection before the one before is closed, so that Slack always has one to send to."""
        loop = asyncio.get_running_loop()
        failures = 0
        async with AsyncExitStack() as open_now:
            while True:
                begun = loop.time()
                try:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        socket = await self._open(session)
                    await open_now.aclose()
                    open_now.push_async_callback(socket.close)
                    await self._read(socket)
                    failures = failures + 1 if loop.time() - begun < SETTLED_S else 0
                except (ApiFailed, aiohttp.ClientError, TimeoutError, OSError) as error:
                    failures += 1
                    # Not the text of a connection's error: its address has the ticket of the connection.
                    told = error.code if isinstance(error, ApiFailed) else type(error).__name__
                    log.warning("slack.socket_failed", error=told, attempt=failures)
                if failures:
                    await asyncio.sleep(self._settings.backoff.delay(failures))

    async def _open(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        answer = await self._web.call("apps.connections.open", {"token": self._settings.app_token})
        address = answer.get("url")
        if not isinstance(address, str):
            raise ApiFailed("apps.connections.open", "no address")
        return await session.ws_connect(
            address, heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_MAX, proxy=self._web.proxy
        )

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take messages until the connection ends, or Slack says that it is about to.

        Raises ClientError and OSError where it breaks while something is answered.
        """
        try:
            await self._messages(socket)
        finally:
            self.connected.clear()

    async def _messages(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            try:
                envelope = json.loads(message.data)
            except (ValueError, RecursionError):
                log.warning("slack.socket_unreadable")
                continue
            match envelope:
                case {"type": "hello"}:
                    self.connected.set()
                    log.info("slack.socket_connected")
                case {"type": "disconnect"}:
                    break
                case {"type": str(kind), "envelope_id": str(envelope_id), "payload": dict(payload)}:
                    await self._take(socket, kind, envelope_id, payload)
                case _:
                    log.warning("slack.socket_unknown")

    async def _take(
        self, socket: aiohttp.ClientWebSocketResponse, kind: str, envelope_id: str, payload: Mapping[str, Any]
    ) -> None:
        """Acknowledge what was taken. What wasn't, because there is too much to do, Slack tells the person of."""
        answer: dict[str, object] = {"envelope_id": envelope_id}
        if kind in _KINDS:
            try:
                response = await self._app.dispatch(payload)
            except Exception as error:  # noqa: BLE001 - one odd message must not end the connection of all others
                log.error("slack.socket_message_failed", error=type(error).__name__)  # noqa: TRY400 - may quote a request
                return
            if response.status != _OK:
                log.warning("slack.socket_not_taken", status=response.status)
                return
            if response.body:
                answer["payload"] = json.loads(response.body)
        await socket.send_str(json.dumps(answer))
