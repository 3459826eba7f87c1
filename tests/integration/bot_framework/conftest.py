"""The vendor on a port, and a bot on another that takes what the vendor sends, and nothing else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from authz.adapters.bot_framework.activity import Activity
from authz.adapters.bot_framework.inbound import InboundTokens
from authz.adapters.bot_framework.refusal import ActivityMalformed, ActivityRefused
from authz.adapters.oidc.fetch import provider_client
from tests.support.bot_framework_server import BotFramework, bot_framework
from tests.support.teams_client import TeamsClient
from tests.support.workflows_server import serving


@dataclass
class Bot:
    """Answers as it is told, and remembers what it took and why it refused."""

    tokens: InboundTokens
    answer: dict[str, object] = field(default_factory=dict)
    took: list[Activity] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route(self.path(), self.messages, methods=["POST"])])

    def path(self) -> str:
        return "/api/messages"

    async def messages(self, request: Request) -> Response:
        try:
            body = await request.body()
            self.took.append(await self.tokens.receive(request.headers.get("authorization"), body))
        except ActivityRefused as error:
            self.refused.append(error.code)
            return Response(status_code=401)
        except ActivityMalformed:
            return Response(status_code=400)
        return JSONResponse(self.answer)


@pytest.fixture
async def vendor() -> AsyncIterator[BotFramework]:
    async with bot_framework() as vendor:
        yield vendor


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with provider_client(5.0) as client:
        yield client


@pytest.fixture
def bot(vendor: BotFramework, client: httpx.AsyncClient) -> Bot:
    return Bot(InboundTokens(vendor.settings(), client, wall=time.time, monotonic=time.monotonic))


@pytest.fixture
async def teams(vendor: BotFramework, bot: Bot) -> AsyncIterator[TeamsClient]:
    async with serving(bot) as endpoint:
        yield vendor.client(endpoint)
