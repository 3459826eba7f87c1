"""The vendor without a network: its services answer in the test's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from authz.adapters.bot_framework.inbound import InboundTokens
from tests.support.bot_framework_server import BotFramework
from tests.support.bot_framework_tokens import HONEST, Document, Forgery
from tests.support.teams_client import TeamsClient


@dataclass
class Clock:
    """Epoch seconds, and seconds that never go back; both move together."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def vendor(clock: Clock) -> AsyncIterator[BotFramework]:
    vendor = BotFramework(base="http://127.0.0.1:9", clock=clock)
    yield vendor
    await vendor.aclose()


@pytest.fixture
async def client(vendor: BotFramework) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(vendor.app())) as client:
        yield client


@pytest.fixture
def tokens(vendor: BotFramework, client: httpx.AsyncClient, clock: Clock) -> InboundTokens:
    return InboundTokens(vendor.settings(), client, wall=clock, monotonic=clock)


@pytest.fixture
def teams(vendor: BotFramework) -> TeamsClient:
    return vendor.client("http://bot.example/api/messages")


@dataclass
class Sender:
    """Sends one and the same invoke, in any guise."""

    vendor: BotFramework
    teams: TeamsClient

    def activity(self) -> Document:
        member = self.vendor.member("bob")
        activity = self.teams.activity("invoke", self.vendor.channel(), member)
        return activity | {"name": "adaptiveCard/action"}

    async def send(self, tokens: InboundTokens, forgery: Forgery = HONEST) -> None:
        headers, body = self.teams.signed(self.activity(), forgery)
        await tokens.receive(headers.get("authorization"), body)


@pytest.fixture
def sender(vendor: BotFramework, teams: TeamsClient) -> Sender:
    return Sender(vendor, teams)
