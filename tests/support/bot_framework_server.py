"""The Bot Framework as Teams has it, on a loopback port: key service, token service, connector, and Teams clients.

It checks what the vendor checks and fails as the vendor fails. Begin with `bot_framework()`:

    async with bot_framework() as vendor:
        settings = vendor.settings()          # for the bot
        room = vendor.channel()               # or group(), personal(member)
        teams = vendor.client(endpoint)       # …/api/messages of the bot
        await teams.install(room, vendor.member("bob"))
        [message] = vendor.messages(room)     # as they are now; vendor.cards(room) for their cards
        answer = await teams.press(message, vendor.member("bob"), "approve")
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx
import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from authz.adapters.bot_framework.settings import BotSettings
from tests.support.bot_framework_tokens import ISSUER, VendorKey, cached_key, new_key
from tests.support.teams_client import TeamsClient
from tests.support.teams_rooms import Document, Member, Message, Room, is_message
from tests.support.workflows_server import serving

PAYLOAD_MAX = 28 * 1024
RATES = ((7, 1.0), (8, 2.0))
"""At most so many calls per conversation in so many seconds, as published."""

SCOPE = "https://api.botframework.com/.default"
OPENID = "/v1/.well-known/openidconfiguration"
KEYS = "/v1/.well-known/keys"
TEAMS = "/teams"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call that reached the connector."""

    method: str
    path: str
    authorization: str
    body: bytes


@dataclass
class BotFramework:
    """One tenant with one bot. What it does wrong, a test tells it to.

    `answers` are given to the next calls of the connector, whatever they ask; `documents` change a document of the key
    service or an answer of the token service, by its path. `asked` lists the paths of these two services, `calls` what
    reached the connector.
    """

    app_id: str = "00000000-0000-0000-0000-0000000000a1"
    app_secret: str = "s3cret~of.the-bot"
    tenant: str = "00000000-0000-0000-0000-0000000000e1"
    clock: Callable[[], float] = time.time
    keys: list[VendorKey] = field(
        default_factory=lambda: [
            VendorKey(cached_key("webchat"), ("webchat", "directline")),
            VendorKey(cached_key("one")),
        ]
    )
    token_life: int = 3599
    rates: tuple[tuple[int, float], ...] = RATES
    retry_after: int = 1
    answers: deque[Response] = field(default_factory=deque)
    documents: dict[str, Callable[[Document], Response]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    calls: list[Asked] = field(default_factory=list)
    rooms: dict[str, Room] = field(default_factory=dict)
    base: str = ""

    def __post_init__(self) -> None:
        self._tokens: dict[str, float] = {}
        self._arrived: defaultdict[str, deque[float]] = defaultdict(deque)
        self._http = httpx.AsyncClient(timeout=10, trust_env=False)
        self.token_path = f"/{self.tenant}/oauth2/v2.0/token"

    # --- for the test ---

    @property
    def service_url(self) -> str:
        return f"{self.base}{TEAMS}/"

    def settings(self) -> BotSettings:
        """Return what the bot has to be told. Its token goes to this machine, because that is listed."""
        return BotSettings(
            app_id=self.app_id,
            tenant_id=self.tenant,
            app_secret=self.app_secret,
            login_url=self.base,
            openid_url=f"{self.base}{OPENID}",
            service_hosts=("127.0.0.1",),
        )

    def client(self, endpoint: str, http: httpx.AsyncClient | None = None) -> TeamsClient:
        """Return the people of the tenant, with the bot at `endpoint`; `http` may lead there in some other way."""
        return TeamsClient(
            self.app_id,
            self.tenant,
            self.service_url,
            endpoint,
            http or self._http,
            lambda: self.keys[-1].key,
            self.clock,
        )

    def member(self, name: str) -> Member:
        return Member.named(name)

    def channel(self, team: str = "19:team@thread.tacv2", *, bot_in: bool = False) -> Room:
        return self._room(Room(f"19:{uuid4().hex}@thread.tacv2", "channel", (), team, bot_in))

    def group(self, *members: Member, bot_in: bool = False) -> Room:
        return self._room(Room(f"19:{uuid4().hex}@thread.v2", "groupChat", members, bot_in=bot_in))

    def personal(self, member: Member, *, bot_in: bool = False) -> Room:
        return self._room(Room(f"a:{uuid4().hex}", "personal", (member,), bot_in=bot_in))

    def messages(self, room: Room) -> list[Message]:
        """Return the bot's messages in a room as they are now, the oldest first."""
        return [message for message in room.messages.values() if message.by_bot]

    def cards(self, room: Room) -> list[Document]:
        """Return the cards of those that have one."""
        return [message.card for message in self.messages(room) if message.activity.get("attachments")]

    def delete(self, message: Message) -> None:
        """As somebody does who may."""
        del message.room.messages[message.id]

    def rotate_keys(self, *, keep: bool = False) -> None:
        """Sign with a new key from now on; the old ones are gone, unless they are to be kept."""
        fresh = VendorKey(new_key(f"key-{uuid4()}"))
        self.keys = [*self.keys, fresh] if keep else [fresh]

    def revoke_tokens(self) -> None:
        """Take none of the tokens any more that were issued until now."""
        self._tokens.clear()

    async def aclose(self) -> None:
        await self._http.aclose()

    # --- what it serves ---

    def app(self) -> Starlette:
        conversations = f"{TEAMS}/v3/conversations"
        one = f"{conversations}/{{conversation}}/activities"
        return Starlette(
            routes=[
                Route(OPENID, self._openid),
                Route(KEYS, self._key_set),
                Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
                Route(conversations, self._create, methods=["POST"]),
                Route(one, self._send, methods=["POST"]),
                Route(f"{one}/{{activity}}", self._send, methods=["POST"]),
                Route(f"{one}/{{activity}}", self._update, methods=["PUT"]),
            ],
            middleware=[
                Middleware(GZipMiddleware, minimum_size=0)
            ],  # for who asks for it, as the vendor does
        )

    def path(self) -> str:
        return ""

    async def _openid(self, request: Request) -> Response:
        document: Document = {
            "issuer": ISSUER,
            "authorization_endpoint": "https://invalid.botframework.com",
            "jwks_uri": f"{self.base}{KEYS}",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        }
        return self._document(request, document)

    async def _key_set(self, request: Request) -> Response:
        return self._document(request, {"keys": [key.entry() for key in self.keys]})

    async def _token(self, request: Request) -> Response:
        """Trade the client's credentials for a token, as Entra does (RFC 6749 section 4.4)."""
        form = dict(parse_qsl((await request.body()).decode()))
        if request.path_params["tenant"] != self.tenant:
            return self._document(request, {"error": "invalid_request"}, 400)
        if form.get("grant_type") != "client_credentials":
            return self._document(request, {"error": "unsupported_grant_type"}, 400)
        if (form.get("client_id"), form.get("client_secret")) != (self.app_id, self.app_secret):
            return self._document(request, {"error": "invalid_client"}, 401)
        if form.get("scope") != SCOPE:
            return self._document(request, {"error": "invalid_scope"}, 400)
        token = f"eyJ.{secrets.token_urlsafe(48)}"
        self._tokens[token] = self.clock() + self.token_life
        return self._document(
            request, {"token_type": "Bearer", "expires_in": self.token_life, "access_token": token}
        )

    async def _create(self, request: Request) -> Response:
        """Return the personal conversation with somebody; the bot has to be installed for them."""
        body, refusal = await self._admitted(request)
        if refusal:
            return refusal
        asked = _object(body)
        members = asked.get("members")
        if asked.get("isGroup") or not isinstance(members, list) or len(members) != 1:
            return _error(400, "BadSyntax")
        if asked.get("bot", {}).get("id") != f"28:{self.app_id}" or asked.get("tenantId") != self.tenant:
            return _error(400, "BadArgument")
        for room in self.rooms.values():
            if room.kind == "personal" and members[0].get("id") in {room.members[0].id, room.members[0].aad}:
                return JSONResponse({"id": room.id}, 201) if room.bot_in else _error(403, FORBIDDEN)
        return _error(403, FORBIDDEN)

    async def _send(self, request: Request) -> Response:
        body, refusal = await self._admitted(request)
        room, root = self._place(request)
        refusal = refusal or self._judged(room, body)
        if refusal or room is None:
            return refusal or _error(404, "ConversationNotFound")
        parent = request.path_params.get("activity") or root
        if parent and parent not in room.messages:
            return _error(404, "ActivityNotFoundInConversation")
        # A thread is named by the conversation's id alone.
        message = room.add(_object(body), room.messages[root].root if root else "", by_bot=True)
        return JSONResponse({"id": message.id}, 201)

    async def _update(self, request: Request) -> Response:
        body, refusal = await self._admitted(request)
        room, _ = self._place(request)
        refusal = refusal or self._judged(room, body)
        if refusal or room is None:
            return refusal or _error(404, "ConversationNotFound")
        message = room.messages.get(request.path_params["activity"])
        if message is None or not message.by_bot:
            return _error(404, "ActivityNotFoundInConversation")
        message.activity = _object(body)
        message.edits += 1
        return JSONResponse({"id": message.id})

    async def _admitted(self, request: Request) -> tuple[bytes, Response | None]:
        """Read a call of the connector, and refuse it where it hasn't come with a token of ours, or comes too often."""
        body = await request.body()
        authorization = request.headers.get("authorization", "")
        self.calls.append(Asked(request.method, request.url.path, authorization, body))
        if self.answers:
            return body, self.answers.popleft()
        if self.clock() >= self._tokens.get(authorization.removeprefix("Bearer "), 0.0):
            message = "Authorization has been denied for this request."
            return body, JSONResponse({"message": message}, 401)
        arrived = self._arrived[str(request.path_params.get("conversation", "")).partition(";")[0]]
        now = self.clock()
        for most, seconds in self.rates:
            if sum(1 for at in arrived if now - at < seconds) >= most:
                return body, _error(429, "Throttled", {"retry-after": str(self.retry_after)})
        arrived.append(now)
        while arrived and now - arrived[0] > max((seconds for _, seconds in self.rates), default=0.0):
            arrived.popleft()
        return body, None

    def _place(self, request: Request) -> tuple[Room | None, str]:
        """Return the conversation that is meant, and the thread, where one is."""
        identifier, _, thread = str(request.path_params["conversation"]).partition(";messageid=")
        return self.rooms.get(identifier), thread

    def _judged(self, room: Room | None, body: bytes) -> Response | None:
        if room is None:
            return _error(404, "ConversationNotFound")
        if not room.bot_in:
            return _error(403, "BotNotInConversationRoster")
        if len(body) > PAYLOAD_MAX:
            return _error(413, "MessageSizeTooBig")
        return None if is_message(_object(body)) else _error(400, "BadSyntax")

    def _room(self, room: Room) -> Room:
        self.rooms[room.id] = room
        return room

    def _document(self, request: Request, document: Document, status: int = 200) -> Response:
        self.asked.append(request.url.path)
        change = self.documents.get(request.url.path)
        return change(document) if change else JSONResponse(document, status)


FORBIDDEN = "ForbiddenOperationException"


@asynccontextmanager
async def bot_framework() -> AsyncIterator[BotFramework]:
    """Serve it, in the test's own event loop."""
    vendor = BotFramework()
    async with serving(vendor) as vendor.base:
        try:
            yield vendor
        finally:
            await vendor.aclose()


def _error(status: int, code: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"code": code, "message": "as the vendor would say"}}, status, headers)


def _object(body: bytes) -> Document:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
