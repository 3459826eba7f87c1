"""When the vendor's keys are asked for, and what an outage of theirs means for what comes in."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import JSONResponse

from authz.adapters.bot_framework.inbound import InboundTokens
from authz.adapters.bot_framework.refusal import ActivityRefused, KeysUnavailable
from tests.support.bot_framework_server import KEYS, OPENID, BotFramework
from tests.support.bot_framework_tokens import FORGERIES, HONEST, Forgery
from tests.unit.bot_framework.conftest import Clock, Sender

Patch = pytest.MonkeyPatch


async def test_keys_are_asked_for_once_a_day(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens, clock: Clock
) -> None:
    for _ in range(3):
        await sender.send(tokens)
    assert vendor.asked == [OPENID, KEYS]
    clock.now += 24 * 3600 - 1
    await sender.send(tokens)
    assert vendor.asked == [OPENID, KEYS]
    clock.now += 1
    await sender.send(tokens)
    assert vendor.asked == [OPENID, KEYS] * 2


async def test_a_new_key_is_found(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens, clock: Clock
) -> None:
    await sender.send(tokens)
    clock.now += 31
    vendor.rotate_keys(keep=True)
    await sender.send(tokens)
    assert vendor.asked == [OPENID, KEYS] * 2


async def test_a_key_that_the_vendor_took_back_is_of_no_use_after_a_day(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens, clock: Clock
) -> None:
    await sender.send(tokens)
    old = vendor.keys[-1].key
    vendor.rotate_keys()
    clock.now += 24 * 3600
    await sender.send(tokens)
    with pytest.raises(ActivityRefused, match="one of the vendor's keys"):
        await sender.send(tokens, Forgery(key=old))


async def test_a_flood_of_unknown_keys_asks_no_more_than_twice_a_minute(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens, clock: Clock
) -> None:
    await sender.send(tokens)
    for _ in range(60):
        clock.now += 1
        for _ in range(3):
            with pytest.raises(ActivityRefused):
                await sender.send(tokens, FORGERIES["a key that the vendor hasn't"])
    assert vendor.asked == [OPENID, KEYS] * 3


async def test_without_the_pause_each_would_ask(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens, monkeypatch: Patch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr("authz.adapters.bot_framework.signing_keys.KEYS_AGAIN_S", 0.0)
    for _ in range(5):
        with pytest.raises(ActivityRefused):
            await sender.send(tokens, FORGERIES["a key that the vendor hasn't"])
    assert vendor.asked == [OPENID, KEYS] * 5


async def test_those_who_come_together_share_one_question(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens
) -> None:
    forged = FORGERIES["a key that the vendor hasn't"]
    results = await asyncio.gather(
        *(sender.send(tokens, forged if number % 2 else HONEST) for number in range(20)),
        return_exceptions=True,
    )
    assert [result is None for result in results] == [True, False] * 10
    assert vendor.asked == [OPENID, KEYS]


async def test_no_keys_at_the_start_is_a_refusal_and_passes(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens, clock: Clock
) -> None:
    vendor.documents[OPENID] = lambda _document: JSONResponse({}, 503)
    for _ in range(5):
        with pytest.raises(KeysUnavailable) as refused:
            await sender.send(tokens)
        assert refused.value.code == "keys-unavailable"
        clock.now += 0.5
    assert vendor.asked == [OPENID]
    vendor.documents.clear()
    clock.now += 5
    await sender.send(tokens)


async def test_without_the_pause_an_outage_would_be_a_flood_of_questions(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens, monkeypatch: Patch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr("authz.adapters.bot_framework.signing_keys.FAILED_AGAIN_S", 0.0)
    vendor.documents[OPENID] = lambda _document: JSONResponse({}, 503)
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            await sender.send(tokens)
    assert vendor.asked == [OPENID] * 5


async def test_an_outage_is_not_felt_while_the_keys_are_young(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens, clock: Clock
) -> None:
    await sender.send(tokens)
    vendor.documents[KEYS] = lambda _document: JSONResponse({}, 500)
    clock.now += 3600
    with pytest.raises(ActivityRefused, match="one of the vendor's keys"):
        await sender.send(tokens, FORGERIES["a key that the vendor hasn't"])
    await sender.send(tokens)
    clock.now += 24 * 3600
    with pytest.raises(KeysUnavailable, match="answered 500"):
        await sender.send(tokens)
