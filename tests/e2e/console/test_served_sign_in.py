"""`holdgate serve console` as it is run: two of them, one Redis, and a provider that people sign in with."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from authz.entrypoints.console.oidc_sign_in import BACK
from tests.support.gate import servers
from tests.support.gate_backing import backing
from tests.support.gate_server import GateServer
from tests.support.oidc_provider import Provider
from tests.support.served_console import address_of, loopback_socket, served

PUBLIC_URL = "http://127.0.0.1:8088"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    bound = loopback_socket()
    accounts = {"bob": {"sub": "bob", "name": "Bob"}}
    double = Provider(address_of(bound), PUBLIC_URL + BACK, accounts, time.time)
    async with served(double.app, bound):
        yield double


def browser(console: GateServer) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=console.console.removeprefix("unix:"))
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, timeout=20)


async def test_who_signed_in_at_one_console_is_known_to_the_other(provider: Provider, tmp_path: Path) -> None:
    with backing(tmp_path) as around:
        environ = around.environ() | {
            "HOLDGATE_PUBLIC_URL": PUBLIC_URL,
            "HOLDGATE_OIDC_ISSUER": provider.issuer,
            "HOLDGATE_OIDC_CLIENT_ID": provider.client_id,
            "HOLDGATE_OIDC_CLIENT_SECRET": provider.client_secret,
        }
        with servers(around, environ, ["console", "console"]) as (one, other):
            async with browser(one) as first, browser(other) as second, httpx.AsyncClient() as at_provider:
                assert (await first.get("/")).status_code == 401
                url = (await first.get("/sign-in")).headers["location"]
                answer = (await at_provider.post(url, data={"account": "bob"})).headers["location"]
                # The way back may lead to another console than the way there began at.
                second.cookies.update(first.cookies)
                assert (await second.get(answer)).status_code == 303
                first.cookies = httpx.Cookies(second.cookies)
                assert "Signed in as" in (await first.get("/")).text
                assert (await second.get("/")).status_code == 200
                second.cookies.delete("holdgate")
                assert (await second.get("/")).status_code == 401
        log = one.log.read_text("utf-8") + other.log.read_text("utf-8")
        assert "sign_in.done" in log
        assert "code=" not in log.replace("status_code=", "")
        assert provider.client_secret not in log
