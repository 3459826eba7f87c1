"""The bot's token goes to the vendor alone, and into no log and no error."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, field, replace

import httpx
import pytest
from starlette.responses import JSONResponse

from authz.adapters.bot_framework import connector as module
from authz.adapters.bot_framework.connector import Connector
from authz.adapters.bot_framework.settings import SERVICE_HOSTS
from authz.services.ports import ChannelFailed, DeliveryRefused
from tests.support.bot_framework_server import BotFramework
from tests.support.teams_rooms import Room
from tests.unit.bot_framework.conftest import Clock
from tests.unit.bot_framework.test_service_url import OTHERS

HELLO = {"type": "message", "text": "hello"}


@pytest.fixture
def connector(vendor: BotFramework, client: httpx.AsyncClient, clock: Clock) -> Connector:
    return Connector(vendor.settings(), client, monotonic=clock)


@pytest.fixture
def room(vendor: BotFramework) -> Room:
    return vendor.channel(bot_in=True)


@dataclass
class Everywhere(httpx.AsyncBaseTransport):
    """Answers every host in the vendor's way, and remembers which were asked, and with what."""

    vendor: BotFramework
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((str(request.url), request.headers.get("authorization", "")))
        if request.url.path == self.vendor.token_path:
            return await httpx.ASGITransport(self.vendor.app()).handle_async_request(request)
        return httpx.Response(201, stream=httpx.ByteStream(b'{"id": "1"}'))


@pytest.fixture
def everywhere(vendor: BotFramework) -> Everywhere:
    return Everywhere(vendor)


@pytest.mark.parametrize("service_url", OTHERS)
async def test_a_forged_service_gets_nothing(
    vendor: BotFramework, everywhere: Everywhere, clock: Clock, service_url: str
) -> None:
    async with httpx.AsyncClient(transport=everywhere) as client:
        settings = replace(vendor.settings(), service_hosts=SERVICE_HOSTS)
        connector = Connector(settings, client, monotonic=clock)
        with pytest.raises(DeliveryRefused, match="nothing is sent to this serviceUrl"):
            await connector.post(service_url, "a:1", HELLO)
        with pytest.raises(DeliveryRefused, match="nothing is sent to this serviceUrl"):
            await connector.update(service_url, "a:1", "1", HELLO)
        with pytest.raises(DeliveryRefused, match="nothing is sent to this serviceUrl"):
            await connector.reply(service_url, "a:1", "1", HELLO)
        with pytest.raises(DeliveryRefused, match="nothing is sent to this serviceUrl"):
            await connector.open_personal(service_url, vendor.tenant, "bob")
    assert everywhere.asked == []


@pytest.mark.parametrize("service_url", ["https://collector.example/", "http://collector.example/"])
async def test_without_the_list_it_would_get_the_token(
    vendor: BotFramework,
    everywhere: Everywhere,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    service_url: str,
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(module, "trusted_url", lambda url, _hosts: httpx.URL(url))
    async with httpx.AsyncClient(transport=everywhere) as client:
        await Connector(vendor.settings(), client, monotonic=clock).post(service_url, "a:1", HELLO)
    address, authorization = everywhere.asked[-1]
    assert address.startswith(service_url)
    assert authorization.startswith("Bearer eyJ.")


async def test_the_address_of_a_service_may_have_a_path(
    vendor: BotFramework, everywhere: Everywhere, clock: Clock
) -> None:
    settings = replace(vendor.settings(), service_hosts=("smba.trafficmanager.net",))
    async with httpx.AsyncClient(transport=everywhere) as client:
        connector = Connector(settings, client, monotonic=clock)
        for slash in ("", "/"):
            await connector.post(
                f"https://smba.trafficmanager.net/emea{slash}", "19:a/../b?@thread.tacv2", HELLO
            )
    expected = (
        "https://smba.trafficmanager.net/emea/v3/conversations/19%3Aa%2F..%2Fb%3F%40thread.tacv2/activities"
    )
    assert [address for address, _ in everywhere.asked[1:]] == [expected, expected]


async def test_without_authentication_no_token_is_asked_for_or_sent(
    vendor: BotFramework, everywhere: Everywhere, clock: Clock
) -> None:
    settings = replace(vendor.settings(), allow_unauthenticated_loopback=True)
    async with httpx.AsyncClient(transport=everywhere) as client:
        connector = Connector(settings, client, monotonic=clock)
        await connector.post("http://localhost:56150/_connector", "a:1", HELLO)
        with pytest.raises(DeliveryRefused, match="isn't on this machine"):
            await connector.post("https://smba.trafficmanager.net/emea/", "a:1", HELLO)
    assert everywhere.asked == [("http://localhost:56150/_connector/v3/conversations/a%3A1/activities", "")]


async def test_neither_token_nor_secret_is_in_any_log_or_error(
    vendor: BotFramework, connector: Connector, room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    await connector.post(vendor.service_url, room.id, HELLO)
    vendor.answers.extend([JSONResponse({}, 401), JSONResponse({}, 401)])
    for service_url in (vendor.service_url, "https://collector.example/"):
        with pytest.raises(ChannelFailed) as failed:
            await connector.post(service_url, room.id, HELLO)
        said.append("".join(traceback.format_exception(failed.value)))
    vendor.documents[vendor.token_path] = lambda _: JSONResponse({"error": "invalid_client"}, 401)
    vendor.revoke_tokens()
    with pytest.raises(ChannelFailed) as failed:
        await connector.post(vendor.service_url, room.id, HELLO)
    said.append("".join(traceback.format_exception(failed.value)))
    tokens = {call.authorization.removeprefix("Bearer ") for call in vendor.calls}
    assert len(tokens) == 2
    for secret in (vendor.app_secret, *tokens):
        assert all(secret not in text for text in (caplog.text, *said))
