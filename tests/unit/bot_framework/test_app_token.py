"""The bot's own token: one for many, renewed in time, and asked for sparingly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from authz.adapters.bot_framework.app_token import AppToken
from authz.services.ports import ChannelFailed, DeliveryDelayed, DeliveryRefused
from tests.support.bot_framework_server import BotFramework
from tests.unit.bot_framework.conftest import Clock

Document = dict[str, Any]


@pytest.fixture
def token(vendor: BotFramework, client: httpx.AsyncClient, clock: Clock) -> AppToken:
    return AppToken(vendor.settings(), client, clock)


async def test_many_share_one_token(vendor: BotFramework, token: AppToken) -> None:
    found = await asyncio.gather(*(token.current() for _ in range(20)))
    assert len(set(found)) == 1
    assert vendor.asked == [vendor.token_path]


async def test_it_is_renewed_five_minutes_before_its_end(
    vendor: BotFramework, token: AppToken, clock: Clock
) -> None:
    first = await token.current()
    clock.now += vendor.token_life - 301
    assert await token.current() == first
    clock.now += 1
    assert await token.current() != first


async def test_a_short_one_is_used_for_half_of_its_life(
    vendor: BotFramework, token: AppToken, clock: Clock
) -> None:
    vendor.token_life = 60
    first = await token.current()
    clock.now += 29
    assert await token.current() == first
    clock.now += 1
    assert await token.current() != first


@pytest.mark.parametrize("life", [None, "3599", True, 0, -1])
async def test_one_that_does_not_say_how_long_is_kept_for_a_short_while(
    vendor: BotFramework, token: AppToken, clock: Clock, life: object
) -> None:
    vendor.documents[vendor.token_path] = lambda it: JSONResponse({**it, "expires_in": life})
    first = await token.current()
    clock.now += 149
    assert await token.current() == first
    clock.now += 1
    assert await token.current() != first


async def test_one_that_was_refused_is_renewed_and_a_newer_one_stays(
    vendor: BotFramework, token: AppToken
) -> None:
    first = await token.current()
    token.refused(first)
    second = await token.current()
    assert second != first
    token.refused(first)
    assert await token.current() == second
    assert vendor.asked == [vendor.token_path] * 2


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda _: JSONResponse({}, 500), DeliveryDelayed, "answered 500"),
        (lambda _: JSONResponse({}, 503), DeliveryDelayed, "answered 503"),
        (
            lambda _: JSONResponse({"error": "temporarily_unavailable"}, 429),
            DeliveryDelayed,
            "429, temporarily",
        ),
        (lambda _: PlainTextResponse("hello"), DeliveryDelayed, "no JSON object"),
        (lambda _: JSONResponse({}), DeliveryDelayed, "200 without one"),
        (lambda _: JSONResponse({"access_token": "a\r\nb: c"}), DeliveryDelayed, "200 without one"),
        (lambda _: JSONResponse({"access_token": ""}), DeliveryDelayed, "200 without one"),
        (
            lambda _: JSONResponse({"error": "invalid_client"}, 401),
            DeliveryRefused,
            "invalid_client; are app id",
        ),
        (lambda _: JSONResponse({"error": "<b>"}, 400), DeliveryRefused, "400, no error that OAuth knows"),
    ],
)
async def test_no_token_is_told_and_asked_for_again_after_a_while_alone(
    vendor: BotFramework,
    token: AppToken,
    clock: Clock,
    change: Callable[[Document], Response],
    kind: type[ChannelFailed],
    said: str,
) -> None:
    vendor.documents[vendor.token_path] = change
    for _ in range(3):
        with pytest.raises(kind, match=said):
            await token.current()
    assert vendor.asked == [vendor.token_path]
    vendor.documents.clear()
    clock.now += 5
    assert await token.current()


async def test_a_wrong_secret_is_named_and_not_told(
    vendor: BotFramework, client: httpx.AsyncClient, clock: Clock
) -> None:
    token = AppToken(replace(vendor.settings(), app_secret="wr0ng-secret"), client, clock)
    with pytest.raises(DeliveryRefused, match="invalid_client; are app id, tenant and secret") as refused:
        await token.current()
    assert "wr0ng-secret" not in str(refused.value)
    assert "wr0ng-secret" not in repr(replace(vendor.settings(), app_secret="wr0ng-secret"))


def test_the_secret_goes_to_https_alone(
    vendor: BotFramework, client: httpx.AsyncClient, clock: Clock
) -> None:
    with pytest.raises(ValueError, match="https alone"):
        AppToken(replace(vendor.settings(), login_url="http://login.example"), client, clock)
