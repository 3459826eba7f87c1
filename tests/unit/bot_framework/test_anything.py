"""Whatever comes in, there is an activity, or one of the two errors: never anything that would be a 500."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.adapters.bot_framework.activity import Activity, activity_of, read_document
from authz.adapters.bot_framework.inbound import InboundTokens
from authz.adapters.bot_framework.refusal import ActivityMalformed, ActivityRefused
from authz.adapters.bot_framework.settings import BotSettings

NAMES = [
    *(
        "type",
        "id",
        "name",
        "timestamp",
        "channelId",
        "serviceUrl",
        "from",
        "conversation",
        "recipient",
        "text",
    ),
    *("channelData", "replyToId", "value", "tenantId", "conversationType", "aadObjectId", "tenant", "team"),
    *("channel", "membersAdded", "membersRemoved", "entities", "mentioned"),
]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(NAMES)
)
THINGS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)
ALGORITHMS = st.sampled_from(["RS256", "HS256", "none"]) | THINGS
HEADERS = st.fixed_dictionaries(
    {"alg": ALGORITHMS}, optional=dict.fromkeys(["kid", "typ", "crit", "b64", "x5t"], THINGS)
)


@given(document=st.dictionaries(st.sampled_from(NAMES), THINGS))
def test_any_object_is_an_activity_or_malformed(document: dict[str, object]) -> None:
    try:
        activity = activity_of(document)
    except ActivityMalformed:
        return
    assert isinstance(activity, Activity)
    assert activity.type
    assert activity.conversation_id


@given(body=st.binary(max_size=200) | THINGS.map(lambda thing: str(thing).encode("utf-8", "replace")))
def test_any_body_is_an_activity_or_malformed(body: bytes) -> None:
    try:
        assert activity_of(read_document(body)).type
    except ActivityMalformed:
        return


def refused(coroutine: Coroutine[Any, Any, None]) -> str:
    with pytest.raises(ActivityRefused) as refusal:
        asyncio.run(coroutine)
    return refusal.value.code


async def verify(authorization: str, activity: dict[str, object]) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503))) as client:
        settings = BotSettings("app", "tenant", "secret")
        await InboundTokens(settings, client, wall=lambda: 0.0, monotonic=lambda: 0.0).verify(
            authorization, activity
        )


@given(authorization=st.text(max_size=300), activity=st.dictionaries(st.sampled_from(NAMES), THINGS))
def test_any_authorization_is_refused(authorization: str, activity: dict[str, object]) -> None:
    assert refused(verify(authorization, activity)) == "token-malformed"


@given(header=HEADERS, claims=THINGS, signature=st.binary(max_size=40))
def test_any_token_is_refused(header: dict[str, object], claims: object, signature: bytes) -> None:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    token = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    assert refused(verify(f"Bearer {token}", {})) in {
        "token-malformed",
        "wrong-algorithm",
        "keys-unavailable",
    }
