"""A Slack on a loopback port: the Web API and Socket Mode, checking and refusing as the vendor does.

What is here is what documentation and experience say of Slack: which token a method takes, the limits of messages, one
post a second in a channel, triggers that last three seconds and are good once, envelopes that are sent again until they
are acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from aiohttp import WSMsgType, web

from tests.support.block_kit import MESSAGE_LENGTH, problems, total, view_problems
from tests.support.slack_state import (
    APP_TOKEN,
    BOT_TOKEN,
    CHANNEL,
    PERSONAL,
    TEAM,
    TRIGGER_SECONDS,
    Document,
    Message,
    Refused,
    Whisper,
    Window,
)

_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.postEphemeral": "chat:write",
    "conversations.open": "im:write",
}


@dataclass
class SlackServer:
    """One workspace. `members` are users by their team; `joined` are channels that the app is in."""

    members: dict[str, str] = field(
        default_factory=lambda: dict.fromkeys(("U0ALICE", "U0BOB", "U0CAROL"), TEAM)
    )
    joined: set[str] = field(default_factory=lambda: {CHANNEL})
    channels: set[str] = field(default_factory=lambda: {CHANNEL, "C0OTHER"})
    archived: set[str] = field(default_factory=set)
    scopes: set[str] = field(default_factory=lambda: {"chat:write", "commands", "im:write"})
    per_second: int = 1
    ack_seconds: float = 3.0
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.messages: dict[tuple[str, str], Message] = {}
        self.whispers: list[Whisper] = []
        self.responses: list[Document] = []
        self.windows: dict[str, Window] = {}
        self.calls: list[tuple[str, Document]] = []
        self.failing: dict[str, list[Refused]] = defaultdict(list)
        self.sockets: list[web.WebSocketResponse] = []
        self.acknowledged: dict[str, Document] = {}
        self.deliveries: dict[str, int] = defaultdict(int)
        self.changed = asyncio.Condition()
        self.url = ""
        self._numbers = count(1)
        self._triggers: dict[str, tuple[str, float]] = {}
        self._tickets: set[str] = set()
        self._posts: dict[str, list[float]] = defaultdict(list)
        self._methods: dict[str, Callable[[Document], Awaitable[Document]]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._whisper,
            "conversations.open": self._open_conversation,
            "views.open": self._open_view,
        }

    def app(self) -> web.Application:
        """Return the server."""
        app = web.Application(client_max_size=2**20)
        app.router.add_post("/api/{method}", self._api)
        app.router.add_post("/commands/{user}/{number}", self._response)
        app.router.add_get("/link/", self._socket)
        return app

    def stamp(self) -> str:
        """Return a time stamp as Slack gives them: of now, and never the same twice."""
        return f"{int(self.now())}.{next(self._numbers):06d}"

    def trigger(self, user: str) -> str:
        """Return the permission to open a window that comes with everything somebody does."""
        trigger = f"{next(self._numbers)}.{TEAM}.{user}"
        self._triggers[trigger] = (user, self.monotonic() + TRIGGER_SECONDS)
        return trigger

    def response_url(self, user: str) -> str:
        """Return where a command is answered."""
        return f"{self.url}/commands/{user}/{next(self._numbers)}"

    def card(self, channel: str = CHANNEL) -> Message:
        """Return the one message in a channel that stands for itself."""
        (found,) = self.cards(channel)
        return found

    def cards(self, channel: str = CHANNEL) -> list[Message]:
        """Return the messages in a channel that stand for themselves."""
        return [one for one in self.messages.values() if one.channel == channel and not one.thread]

    def thread(self, card: Message) -> list[str]:
        """Return what was said below a message."""
        return [one.text for one in self.messages.values() if one.thread == card.ts]

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is so, looked at whenever something happens; pytest's timeout bounds it."""
        async with self.changed:
            await self.changed.wait_for(reached)

    async def deliver(self, kind: str, payload: Document) -> Document:
        """Send an envelope over a connection until it is acknowledged, and return what came with that."""
        envelope = {
            "envelope_id": f"envelope-{next(self._numbers)}",
            "type": kind,
            "payload": payload,
            "accepts_response_payload": True,
        }
        name = envelope["envelope_id"]
        for _ in range(3):
            await self.until(lambda: bool(self.sockets))
            self.deliveries[str(name)] += 1
            await self.sockets[-1].send_json(envelope)
            try:
                async with asyncio.timeout(self.ack_seconds):
                    await self.until(lambda: name in self.acknowledged)
            except TimeoutError:
                continue
            return self.acknowledged[str(name)]
        msg = f"{kind} was not acknowledged"
        raise TimeoutError(msg)

    async def drop(self, reason: str = "refresh_requested") -> None:
        """Ask every client to connect anew, as Slack does every few hours."""
        for socket in list(self.sockets):
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments = await request.json()
        try:
            self._allowed(method, request.headers.get("Authorization", ""))
            if self.failing[method]:
                raise self.failing[method].pop(0)
            if method == "apps.connections.open":
                return web.json_response({"ok": True, "url": self._address()})
            answer = await self._methods[method](arguments)
        except KeyError as error:
            return web.json_response({"ok": False, "error": "invalid_arguments", "missing": str(error)})
        except Refused as refused:
            return web.json_response(refused.answer, status=refused.status, headers=refused.headers)
        finally:
            self.calls.append((method, arguments))
            async with self.changed:
                self.changed.notify_all()
        return web.json_response({"ok": True, **answer})

    def _allowed(self, method: str, authorization: str) -> None:
        token = authorization.removeprefix("Bearer ")
        if not token:
            raise Refused("not_authed")
        if token not in {BOT_TOKEN, APP_TOKEN}:
            raise Refused("invalid_auth")
        if (token == APP_TOKEN) != (method == "apps.connections.open"):
            raise Refused("not_allowed_token_type")
        if (needed := _SCOPES.get(method)) and needed not in self.scopes:
            raise Refused("missing_scope", needed=needed, provided=",".join(sorted(self.scopes)))

    def _address(self) -> str:
        ticket = f"ticket-{next(self._numbers)}"
        self._tickets.add(ticket)
        return f"{self.url.replace('http', 'ws')}/link/?ticket={ticket}"

    async def _auth_test(self, _arguments: Document) -> Document:
        return {"team_id": TEAM, "user_id": "U0BOT", "bot_id": "B0BOT"}

    async def _post(self, arguments: Document) -> Document:
        channel = arguments["channel"]
        self._reachable(channel)
        self._rate(channel)
        self._check(arguments)
        thread = arguments.get("thread_ts", "")
        if thread and (channel, thread) not in self.messages:
            raise Refused("thread_not_found")
        ts = self.stamp()
        made = Message(channel, ts, arguments.get("text", ""), arguments.get("blocks", []), thread)
        self.messages[channel, ts] = made
        return {"channel": channel, "ts": ts, "message": {"text": made.text}}

    async def _update(self, arguments: Document) -> Document:
        channel, ts = arguments["channel"], arguments["ts"]
        self._reachable(channel)
        self._check(arguments)
        message = self.messages.get((channel, ts))
        if message is None:
            raise Refused("message_not_found")
        message.before.append(message.blocks)
        message.text, message.blocks = arguments.get("text", ""), arguments.get("blocks", [])
        return {"channel": channel, "ts": ts}

    async def _whisper(self, arguments: Document) -> Document:
        channel, user = arguments["channel"], arguments["user"]
        self._reachable(channel)
        self._check(arguments)
        if user not in self.members:
            raise Refused("user_not_in_channel")
        self.whispers.append(Whisper(channel, user, arguments.get("text", ""), arguments.get("blocks", [])))
        return {"message_ts": self.stamp()}

    async def _open_conversation(self, arguments: Document) -> Document:
        user = arguments["users"]
        if self.members.get(user) != TEAM:
            raise Refused("user_not_found")
        channel = PERSONAL + user[2:]
        self.channels.add(channel)
        self.joined.add(channel)
        return {"channel": {"id": channel}}

    async def _open_view(self, arguments: Document) -> Document:
        user, until = self._triggers.get(arguments["trigger_id"], ("", 0.0))
        if not user:
            raise Refused("invalid_trigger_id")
        if until == 0.0:
            raise Refused("exchanged_trigger_id")
        if self.monotonic() >= until:
            raise Refused("expired_trigger_id")
        if found := view_problems(arguments["view"]):
            raise Refused("invalid_arguments", errors=found)
        self._triggers[arguments["trigger_id"]] = (user, 0.0)
        window = Window(f"V{next(self._numbers)}", user, arguments["view"])
        self.windows[window.id] = window
        return {"view": {**arguments["view"], "id": window.id}}

    def _reachable(self, channel: str) -> None:
        if channel not in self.channels:
            raise Refused("channel_not_found")
        if channel in self.archived:
            raise Refused("is_archived")
        if channel not in self.joined:
            raise Refused("not_in_channel")

    def _rate(self, channel: str) -> None:
        now = self.monotonic()
        recent = [at for at in self._posts[channel] if now - at < 1]
        if len(recent) >= self.per_second:
            raise Refused("ratelimited", 429, 1)
        self._posts[channel] = [*recent, now]

    def _check(self, arguments: Document) -> None:
        blocks, text = arguments.get("blocks", []), arguments.get("text", "")
        if not blocks and not text:
            raise Refused("no_text")
        if len(text) > 40_000:
            raise Refused("msg_too_long")
        if found := problems(blocks):
            raise Refused("invalid_blocks", errors=found)
        if total(blocks) > MESSAGE_LENGTH:
            raise Refused("msg_blocks_too_long")

    async def _response(self, request: web.Request) -> web.Response:
        answer = await request.json()
        if problems(answer.get("blocks", [])):
            return web.Response(status=400, text="invalid_blocks")
        self.responses.append({"user": request.match_info["user"], **answer})
        async with self.changed:
            self.changed.notify_all()
        return web.Response(text="ok")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": len(self.sockets) + 1})
        self.sockets.append(socket)
        async with self.changed:
            self.changed.notify_all()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    answer = json.loads(message.data)
                    self.acknowledged[answer["envelope_id"]] = answer.get("payload", {})
                    async with self.changed:
                        self.changed.notify_all()
        finally:
            self.sockets.remove(socket)
        return socket


@asynccontextmanager
async def serving(server: SlackServer) -> AsyncIterator[SlackServer]:
    """Serve on a free port of this machine."""
    runner = web.AppRunner(server.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        for socket in list(server.sockets):
            await socket.close()
        await runner.cleanup()
