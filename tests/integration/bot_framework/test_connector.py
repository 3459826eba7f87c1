"""Writing into conversations, against a connector that refuses what the vendor's refuses."""

from __future__ import annotations

import time

import httpx
import pytest

from authz.adapters.bot_framework.connector import Connector
from tests.support.bot_framework_server import BotFramework

CARD = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "one"}]}


def message(text: str) -> dict[str, object]:
    card = {**CARD, "body": [{"type": "TextBlock", "text": text}]}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


@pytest.fixture
def connector(vendor: BotFramework, client: httpx.AsyncClient) -> Connector:
    return Connector(vendor.settings(), client, monotonic=time.monotonic)


async def test_a_card_is_posted_changed_and_answered_below(
    vendor: BotFramework, connector: Connector
) -> None:
    room = vendor.channel(bot_in=True)
    posted = await connector.post(vendor.service_url, room.id, message("one"))
    await connector.update(vendor.service_url, room.id, posted, message("two"))
    below = await connector.reply(vendor.service_url, room.id, posted, {"type": "message", "text": "three"})
    first, second = vendor.messages(room)
    assert (first.id, second.id) == (posted, below)
    assert (first.card["body"][0]["text"], first.edits) == ("two", 1)
    assert (second.text, second.root) == ("three", posted)
    assert vendor.asked == [vendor.token_path]
