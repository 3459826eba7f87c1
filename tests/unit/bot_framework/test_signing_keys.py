"""What the key service may answer, and what of it is of use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from authz.adapters.bot_framework.refusal import KeysUnavailable
from authz.adapters.bot_framework.signing_keys import SigningKeys
from tests.support.bot_framework_server import KEYS, OPENID, BotFramework
from tests.support.bot_framework_tokens import VendorKey, cached_key
from tests.unit.bot_framework.conftest import Clock

Document = dict[str, Any]
Change = Callable[[Document], Response]


@pytest.fixture
def keys(vendor: BotFramework, client: httpx.AsyncClient, clock: Clock) -> SigningKeys:
    return SigningKeys(vendor.settings().openid_url, client, 5.0, clock)


async def test_each_key_has_its_own_endorsements(keys: SigningKeys) -> None:
    one, webchat = await keys.find("one"), await keys.find("webchat")
    assert one is not None
    assert webchat is not None
    assert one.endorsements == frozenset({"msteams"})
    assert webchat.endorsements == frozenset({"webchat", "directline"})
    assert await keys.find("") is None


@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        (OPENID, lambda _: JSONResponse({}, 404), "answered 404"),
        (OPENID, lambda _: RedirectResponse("https://elsewhere.example/"), "and no JSON object"),
        (OPENID, lambda _: PlainTextResponse("hello"), "no JSON object"),
        (OPENID, lambda _: JSONResponse([]), "no JSON object"),
        (OPENID, lambda _: PlainTextResponse(" " * ((1 << 20) + 1)), "more than 1048576 bytes"),
        (OPENID, lambda it: JSONResponse({**it, "issuer": "https://login.example"}), "is not about"),
        (OPENID, lambda it: JSONResponse({**it, "jwks_uri": None}), "no protected place"),
        (OPENID, lambda it: JSONResponse({**it, "jwks_uri": "http://keys.example/"}), "no protected place"),
        (KEYS, lambda _: JSONResponse({}), "no key that is of use"),
        (KEYS, lambda _: JSONResponse({"keys": {}}), "no key that is of use"),
        (KEYS, lambda _: JSONResponse({"keys": []}), "no key that is of use"),
        (KEYS, lambda _: JSONResponse({"keys": [None, 1, {}]}), "no key that is of use"),
        (KEYS, lambda _: JSONResponse({}, 500), "answered 500"),
    ],
)
async def test_a_document_of_no_use_is_an_outage(
    vendor: BotFramework, keys: SigningKeys, path: str, change: Change, said: str
) -> None:
    vendor.documents[path] = change
    with pytest.raises(KeysUnavailable, match=said):
        await keys.find("one")


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "EC"},
        {"use": "enc"},
        {"kid": 1},
        {"kid": None},
        {"n": None},
        {"n": "AQAB"},  # a key of 17 bits
        {"n": "***"},
        {"e": 3},
        {"endorsements": "msteams"},
        {"endorsements": [1]},
    ],
)
async def test_a_key_that_cannot_be_used_is_left_out_and_the_others_stay(
    vendor: BotFramework, keys: SigningKeys, change: Document
) -> None:
    odd = {**VendorKey(cached_key("forger")).entry(), **change}
    vendor.documents[KEYS] = lambda document: JSONResponse({"keys": [odd, *document["keys"]]})
    assert await keys.find("one") is not None
    assert await keys.find("forger") is None


async def test_a_key_without_endorsements_speaks_for_no_channel(
    vendor: BotFramework, keys: SigningKeys
) -> None:
    bare = VendorKey(cached_key("one")).entry()
    del bare["endorsements"]
    vendor.documents[KEYS] = lambda _document: JSONResponse({"keys": [bare]})
    found = await keys.find("one")
    assert found is not None
    assert found.endorsements == frozenset()


async def test_of_endlessly_many_keys_only_so_many_are_read(vendor: BotFramework, keys: SigningKeys) -> None:
    entry = VendorKey(cached_key("one")).entry()
    vendor.documents[KEYS] = lambda _document: JSONResponse(
        {"keys": [{**entry, "kid": str(number)} for number in range(101)]}
    )
    assert await keys.find("99") is not None
    assert await keys.find("100") is None


class Stalled(httpx.AsyncBaseTransport):
    """Answers when it is let go."""

    def __init__(self, vendor: BotFramework) -> None:
        self._rest = httpx.ASGITransport(vendor.app())
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.set()
        await self.let_go.wait()
        return await self._rest.handle_async_request(request)


async def test_who_gives_up_waiting_leaves_the_others_their_answer(
    vendor: BotFramework, clock: Clock
) -> None:
    stalled = Stalled(vendor)
    async with httpx.AsyncClient(transport=stalled) as client:
        keys = SigningKeys(vendor.settings().openid_url, client, 30.0, clock)
        waiters = [asyncio.create_task(keys.find("one")) for _ in range(5)]
        await stalled.asked.wait()
        for waiter in waiters[:4]:
            waiter.cancel()
        await asyncio.wait(waiters[:4])
        stalled.let_go.set()
        assert await waiters[4] is not None
        assert all(waiter.cancelled() for waiter in waiters[:4])
    assert vendor.asked == [OPENID, KEYS]


async def test_if_they_shared_the_reading_itself_one_would_stop_it_for_all(
    vendor: BotFramework, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(asyncio, "shield", lambda reading: reading)
    stalled = Stalled(vendor)
    async with httpx.AsyncClient(transport=stalled) as client:
        keys = SigningKeys(vendor.settings().openid_url, client, 30.0, clock)
        waiters = [asyncio.create_task(keys.find("one")) for _ in range(2)]
        await stalled.asked.wait()
        waiters[0].cancel()
        await asyncio.wait(waiters)
    assert waiters[1].cancelled()


async def test_keys_are_renewed_before_they_are_too_old_and_nobody_waits(
    vendor: BotFramework, clock: Clock
) -> None:
    stalled = Stalled(vendor)
    stalled.let_go.set()
    async with httpx.AsyncClient(transport=stalled) as client:
        keys = SigningKeys(vendor.settings().openid_url, client, 30.0, clock)
        await keys.find("one")
        stalled.let_go.clear()
        stalled.asked.clear()
        clock.now += 20 * 3600
        assert await keys.find("one") is not None
        await stalled.asked.wait()
        stalled.let_go.set()
        clock.now += 4 * 3600
        assert await keys.find("one") is not None
    assert vendor.asked == [OPENID, KEYS] * 2


async def test_a_reading_ends_with_the_process(vendor: BotFramework, clock: Clock) -> None:
    stalled = Stalled(vendor)
    async with httpx.AsyncClient(transport=stalled) as client:
        keys = SigningKeys(vendor.settings().openid_url, client, 30.0, clock)
        await keys.aclose()
        waiter = asyncio.create_task(keys.find("one"))
        await stalled.asked.wait()
        await keys.aclose()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    assert vendor.asked == []


async def test_a_service_that_says_nothing_is_waited_for_no_longer_than_the_bound(
    vendor: BotFramework, clock: Clock
) -> None:
    async with httpx.AsyncClient(transport=Stalled(vendor)) as client:
        keys = SigningKeys(vendor.settings().openid_url, client, 0.01, clock)
        with pytest.raises(KeysUnavailable, match=r"no answer within 0\.01 s"):
            await keys.find("one")


def test_keys_are_read_over_https_alone(client: httpx.AsyncClient, clock: Clock) -> None:
    with pytest.raises(ValueError, match="https alone"):
        SigningKeys("http://login.example/v1/.well-known/openidconfiguration", client, 5.0, clock)
