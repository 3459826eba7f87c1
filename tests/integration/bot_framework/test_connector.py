"""Writing into conversations, against a connector that refuses what the vendor's refuses."""

from __future__ import annotations

import logging
import time

import httpx
import pytest

from authz.adapters.bot_framework.connector import Connector
from authz.adapters.http_post.client import webhook_client
from authz.services.card_ports import CardGone
from authz.services.ports import DeliveryRefused
from tests.support.bot_framework_server import BotFramework
from tests.support.teams_rooms import ADAPTIVE_CARD, Document, Room

CARD: Document = {
    "type": "AdaptiveCard",
    "version": "1.5",
    "body": [{"type": "TextBlock", "text": "<at>bob</at>"}],
}
MENTION: Document = {"type": "mention", "text": "<at>bob</at>", "mentioned": {"id": "bob", "name": "bob"}}


def message(card: Document) -> Document:
    return {"type": "message", "attachments": [{"contentType": ADAPTIVE_CARD, "content": card}]}


@pytest.fixture
def connector(vendor: BotFramework, client: httpx.AsyncClient) -> Connector:
    return Connector(vendor.settings(), client, monotonic=time.monotonic)


@pytest.fixture
def room(vendor: BotFramework) -> Room:
    return vendor.channel(bot_in=True)


async def test_a_card_is_posted_changed_and_answered_below(
    vendor: BotFramework, connector: Connector, room: Room
) -> None:
    posted = await connector.post(vendor.service_url, room.id, message(CARD))
    await connector.update(vendor.service_url, room.id, posted, message({**CARD, "body": []}))
    below = await connector.reply(vendor.service_url, room.id, posted, {"type": "message", "text": "three"})
    first, second = vendor.messages(room)
    assert (first.id, second.id) == (posted, below)
    assert (first.card["body"], first.edits) == ([], 1)
    assert (second.text, second.root) == ("three", posted)
    assert vendor.cards(room) == [first.card]
    assert vendor.asked == [vendor.token_path]


async def test_the_client_of_all_webhooks_serves_as_well(vendor: BotFramework, room: Room) -> None:
    """It asks for compressed answers, unless it is told otherwise."""
    async with webhook_client() as client:
        connector = Connector(vendor.settings(), client, monotonic=time.monotonic)
        posted = await connector.post(vendor.service_url, room.id, message(CARD))
    assert [one.id for one in vendor.messages(room)] == [posted]


async def test_people_are_mentioned_where_the_card_writes_their_name(
    vendor: BotFramework, connector: Connector, room: Room
) -> None:
    await connector.post(vendor.service_url, room.id, message({**CARD, "msteams": {"entities": [MENTION]}}))
    unwritten = {**CARD, "body": [], "msteams": {"entities": [MENTION]}}
    with pytest.raises(DeliveryRefused, match="400 BadSyntax"):
        await connector.post(vendor.service_url, room.id, message(unwritten))


@pytest.mark.parametrize(
    "activity",
    [
        {"type": "message"},
        {"type": "typing", "text": "x"},
        {"type": "message", "attachments": [{"contentType": "application/json", "content": CARD}]},
        message({**CARD, "type": "Card"}),
        message({**CARD, "version": "1.6"}),
    ],
)
async def test_what_teams_would_not_show_is_refused(
    vendor: BotFramework, connector: Connector, room: Room, activity: Document
) -> None:
    with pytest.raises(DeliveryRefused, match="400 BadSyntax"):
        await connector.post(vendor.service_url, room.id, activity)


async def test_a_message_of_somebody_else_is_not_the_bots_to_change(
    vendor: BotFramework, connector: Connector, room: Room
) -> None:
    theirs = room.add({"type": "message", "text": "hello"}, by_bot=False)
    with pytest.raises(CardGone, match="404"):
        await connector.update(vendor.service_url, room.id, theirs.id, message(CARD))


async def test_neither_token_nor_secret_is_logged(
    vendor: BotFramework, connector: Connector, room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await connector.post(vendor.service_url, room.id, message(CARD))
    [call] = vendor.calls
    token = call.authorization.removeprefix("Bearer ")
    assert len(token) > 40
    assert token not in caplog.text
    assert vendor.app_secret not in caplog.text
