"""What people do in Teams arrives as an activity, and what somebody else sends does not."""

from __future__ import annotations

import time

import pytest
from starlette.responses import JSONResponse

from authz.adapters.bot_framework.inbound import InboundTokens
from authz.adapters.http_post.client import webhook_client
from tests.integration.bot_framework.conftest import Bot
from tests.support.bot_framework_server import KEYS, OPENID, BotFramework
from tests.support.bot_framework_tokens import FORGERIES
from tests.support.teams_client import TeamsClient
from tests.support.teams_rooms import Document, Message, Room
from tests.support.workflows_server import serving

ACTION = "Action.Execute"
CARD: Document = {
    "type": "AdaptiveCard",
    "version": "1.5",
    "refresh": {"action": {"type": ACTION, "verb": "refresh", "data": {"ticket": "t"}}},
    "actions": [
        {"type": ACTION, "verb": "approve", "title": "Approve", "data": {"ticket": "t"}},
        {
            "type": "Action.ShowCard",
            "card": {
                "type": "AdaptiveCard",
                "body": [{"type": "Input.Text", "id": "why", "isRequired": True, "maxLength": 5}],
                "actions": [{"type": ACTION, "verb": "reject", "data": {"ticket": "t"}}],
            },
        },
    ],
}


@pytest.fixture
def room(vendor: BotFramework) -> Room:
    return vendor.channel(bot_in=True)


@pytest.fixture
def message(room: Room) -> Message:
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": CARD}
    return room.add({"type": "message", "attachments": [attachment]}, by_bot=True)


async def test_a_press_arrives_with_who_and_where(
    vendor: BotFramework, teams: TeamsClient, bot: Bot, message: Message
) -> None:
    bob = vendor.member("bob")
    answer = await teams.press(message, bob, "reject", inputs={"why": "no"})
    [took] = bot.took
    assert answer.status_code == 200
    assert (took.type, took.name, took.aad_object_id) == ("invoke", "adaptiveCard/action", bob.aad)
    assert took.conversation_id == f"{message.room.id};messageid={message.id}"
    assert (took.channel, took.reply_to_id) == (message.room.id, message.id)
    assert took.value == {
        "action": {"type": ACTION, "verb": "reject", "data": {"ticket": "t", "why": "no"}},
        "trigger": "manual",
    }
    assert took.timestamp_ms > 0


async def test_a_client_sends_no_press_that_its_card_does_not_allow(
    vendor: BotFramework, teams: TeamsClient, bot: Bot, message: Message
) -> None:
    bob = vendor.member("bob")
    for verb, inputs in (("delete", {}), ("reject", {"why": ""}), ("reject", {"why": "too long"})):
        with pytest.raises(AssertionError):
            await teams.press(message, bob, verb, inputs=inputs)
    assert bot.took == []


async def test_the_card_of_an_answer_is_shown_to_who_pressed_alone(
    vendor: BotFramework, teams: TeamsClient, bot: Bot, message: Message
) -> None:
    bob, carol = vendor.member("bob"), vendor.member("carol")
    bot.answer = {
        "statusCode": 200,
        "type": "application/vnd.microsoft.card.adaptive",
        "value": {"type": "AdaptiveCard", "version": "1.5", "body": []},
    }
    await teams.press(message, bob, "approve")
    with pytest.raises(AssertionError, match="no button"):
        await teams.press(message, bob, "approve")
    await teams.press(message, carol, "approve")
    assert len(bot.took) == 2


async def test_a_refresh_says_that_nobody_pressed(
    vendor: BotFramework, teams: TeamsClient, bot: Bot, message: Message
) -> None:
    await teams.refresh(message, vendor.member("bob"))
    [took] = bot.took
    assert took.value["trigger"] == "automatic"


async def test_a_command_names_the_bot_where_others_are(
    vendor: BotFramework, teams: TeamsClient, bot: Bot, room: Room
) -> None:
    bob = vendor.member("bob")
    await teams.say(room, bob, "approvals")
    await teams.say(vendor.personal(bob, bot_in=True), bob, "approvals")
    in_channel, in_person = bot.took
    assert in_channel.text == "<at>Holdgate</at> approvals"
    assert in_channel.mentions[0].id == in_channel.recipient_id
    assert (in_person.text, in_person.conversation_type) == ("approvals", "personal")


@pytest.mark.parametrize("kind", ["channel", "groupChat", "personal"])
async def test_coming_and_going_is_told(
    vendor: BotFramework, teams: TeamsClient, bot: Bot, kind: str
) -> None:
    bob = vendor.member("bob")
    rooms = {"channel": vendor.channel(), "groupChat": vendor.group(bob), "personal": vendor.personal(bob)}
    room = rooms[kind]
    inside = []
    for change in (teams.install, teams.uninstall):
        await change(room, bob)
        inside.append(room.bot_in)
    assert inside == [True, False]
    added, installed, removed, uninstalled = bot.took
    assert added.members_added == removed.members_removed == (added.recipient_id,)
    assert (installed.action, uninstalled.action) == ("add", "remove")
    assert {took.conversation_type for took in bot.took} == {kind}
    assert {took.conversation_id for took in bot.took} == {room.team or room.id}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_press_is_no_press(
    vendor: BotFramework, teams: TeamsClient, bot: Bot, message: Message, name: str
) -> None:
    answer = await teams.press(message, vendor.member("bob"), "approve", forgery=FORGERIES[name])
    assert answer.status_code == 401
    assert answer.content == b""
    assert bot.took == []
    assert len(bot.refused) == 1


async def test_the_client_of_all_webhooks_reads_the_keys_as_well(vendor: BotFramework) -> None:
    """It asks for compressed answers, unless it is told otherwise."""
    async with webhook_client() as client:
        bot = Bot(InboundTokens(vendor.settings(), client, wall=time.time, monotonic=time.monotonic))
        async with serving(bot) as endpoint:
            teams, bob = vendor.client(endpoint), vendor.member("bob")
            answer = await teams.say(vendor.personal(bob, bot_in=True), bob, "hello")
    assert (answer.status_code, bot.refused) == (200, [])


async def test_an_outage_of_the_keys_is_a_refusal_too(
    vendor: BotFramework, teams: TeamsClient, bot: Bot, message: Message
) -> None:
    vendor.documents[KEYS] = lambda _document: JSONResponse({}, 503)
    answer = await teams.press(message, vendor.member("bob"), "approve")
    assert answer.status_code == 401
    assert bot.refused == ["keys-unavailable"]


async def test_a_flood_of_forged_keys_is_one_question(
    vendor: BotFramework, teams: TeamsClient, bot: Bot, message: Message
) -> None:
    for _ in range(20):
        await teams.press(
            message, vendor.member("bob"), "approve", forgery=FORGERIES["a key that the vendor hasn't"]
        )
    assert bot.refused == ["key-unknown"] * 20
    assert vendor.asked == [OPENID, KEYS]


async def test_after_a_rotation_the_new_key_is_found(
    vendor: BotFramework,
    teams: TeamsClient,
    bot: Bot,
    message: Message,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("authz.adapters.bot_framework.signing_keys.KEYS_AGAIN_S", 0.0)
    await teams.press(message, vendor.member("bob"), "approve")
    vendor.rotate_keys()
    await teams.press(message, vendor.member("carol"), "approve")
    assert [took.from_name for took in bot.took] == ["bob", "carol"]
