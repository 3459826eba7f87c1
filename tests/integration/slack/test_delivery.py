"""Cards in Slack: posted where they belong, changed in place, at Slack's pace, and what follows from its refusals."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from authz.adapters.http_post.pace import Pace
from authz.adapters.slack import poster as poster_module
from authz.adapters.slack.poster import PosterSettings, SlackPoster
from authz.adapters.slack.web import SlackWeb
from authz.domain.events import EventType
from authz.domain.identity import Identity, Person
from authz.domain.ticket import State
from authz.services.card_ports import Card, CardGone
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Posting
from tests.integration.slack.world import PUBLIC_URL, World, said, world
from tests.support.sample_tickets import CREATED_AT, ended, ticket
from tests.support.slack_people import buttons
from tests.support.slack_server import SlackServer, serving
from tests.support.slack_state import APP_TOKEN, BOT_TOKEN, CHANNEL, TEAM, Refused
from tests.unit.teams.attacked import attacked_review

BOB = Person(
    "bob", "bob", frozenset({"sre"}), "test", accounts=(Identity("other", "x"), Identity(TEAM, "U0BOB"))
)
NOBODY_HERE = replace(BOB, id="erin", accounts=(Identity("other", "x"),))
CREATED = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT, b"{}")


async def test_a_card_is_in_the_channel_and_with_those_who_are_asked_by_name(room: World) -> None:
    await room.store.create(room.held)
    await room.tell(EventType.TICKET_CREATED, designated=(BOB, NOBODY_HERE))
    for channel in (CHANNEL, "D0BOB"):
        assert [one["text"]["text"] for one in buttons(room.slack.card(channel))] == [
            "Approve",
            "Reject",
            "Details",
        ]
    assert [method for method, _ in room.slack.calls] == [
        "chat.postMessage",
        "conversations.open",
        "chat.postMessage",
    ]


async def test_somebody_whose_account_is_switched_off_keeps_no_notice_from_being_delivered(
    room: World,
) -> None:
    """The channel has the card and names them; asking again would give the same answer."""
    await room.store.create(room.held)
    gone = replace(BOB, id="zed", accounts=(Identity(TEAM, "U0ZED"),))
    assert await room.tell(EventType.TICKET_CREATED, designated=(gone,)) == "1 cards"
    assert len(buttons(room.slack.card())) == 3


async def test_those_who_are_only_told_get_no_card_of_their_own(room: World) -> None:
    await room.store.create(room.held)
    await room.tell(EventType.TICKET_CREATED, designated=(BOB,), copied=True)
    assert len(buttons(room.slack.card())) == 1
    assert room.slack.cards("D0BOB") == []


async def test_every_change_is_in_the_card_and_below_it(room: World) -> None:
    card = await room.hold()
    await room.vote("U0BOB")
    for kind in (EventType.VOTE_RECORDED, EventType.TICKET_APPROVED, EventType.GRANT_USED_UP):
        await room.tell(kind)
    assert len(room.slack.cards()) == 1
    assert [line.partition(": ")[2] for line in room.slack.thread(card)] == [
        "Somebody voted.",
        "It was approved.",
        "It was sent through as often as it was approved for.",
    ]


async def test_a_requester_is_told_in_private_without_buttons(room: World) -> None:
    over = Posting(EventType.TICKET_REJECTED, ended(ticket(), State.REJECTED), CREATED_AT)
    told = await room.poster.tell(BOB, over)
    card = room.slack.card("D0BOB")
    assert told == f"D0BOB {card.ts}"
    assert [one["text"]["text"] for one in buttons(card)] == ["Open the ticket"]
    assert await room.poster.tell(NOBODY_HERE, over) == ""


async def test_break_glass_and_digests_are_in_the_channel(room: World) -> None:
    alarm = Alarm(EventType.BREAKGLASS_USED, attacked_review("x", done=False), CREATED_AT)
    assert (await room.cards.alarm(alarm)).startswith(f"{CHANNEL} ")
    reference = await room.cards.digest(Digest(3, 30, CREATED_AT, CREATED_AT), "")
    assert await room.cards.digest(Digest(2, 31, CREATED_AT, CREATED_AT), reference) == reference
    counted = room.slack.messages[CHANNEL, reference.partition(" ")[2]]
    assert counted.text.startswith("2 requests wait")
    assert "31 came since" in said(counted.blocks)


async def test_posts_in_one_channel_are_a_second_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(SlackServer(per_second=1)) as strict:
        await asyncio.gather(*(strict.poster.post(CHANNEL, CREATED) for _ in range(3)))
        assert len(strict.slack.cards()) == 3
        monkeypatch.setattr(poster_module, "Pace", lambda _per_second: Pace(100))
        hasty = SlackPoster(strict.web, PosterSettings(TEAM, CHANNEL, PUBLIC_URL))
        with pytest.raises(DeliveryDelayed, match="ratelimited"):
            await asyncio.gather(*(hasty.post(CHANNEL, CREATED) for _ in range(3)))


async def test_a_pause_that_slack_asks_for_is_kept_in_that_channel_alone(room: World) -> None:
    room.slack.failing["chat.postMessage"].append(Refused("ratelimited", 429, 30))
    with pytest.raises(DeliveryDelayed) as delayed:
        await room.poster.post(CHANNEL, CREATED)
    assert (delayed.value.after_s, delayed.value.tried) == (30, True)
    with pytest.raises(DeliveryDelayed) as waiting:
        await room.poster.post(CHANNEL, CREATED)
    assert 0 < waiting.value.after_s <= 30
    assert not waiting.value.tried
    assert await room.poster.post("U0BOB", CREATED)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("channel_not_found", "invite the app into the channel"),
        ("not_in_channel", "invite the app into the channel"),
        ("is_archived", "take the channel out of the archive"),
        ("missing_scope", "deploy/slack/manifest.yaml"),
        ("token_revoked", "Bot User OAuth Token"),
        ("invalid_blocks", "answered invalid_blocks"),
    ],
)
async def test_what_no_second_try_mends_is_refused_with_advice(room: World, code: str, advice: str) -> None:
    room.slack.failing["chat.postMessage"].append(Refused(code))
    with pytest.raises(DeliveryRefused, match=advice) as refused:
        await room.poster.post(CHANNEL, CREATED)
    assert not isinstance(refused.value, CardGone)


@pytest.mark.parametrize(
    "refused", [Refused("internal_error"), Refused("fatal_error", 500), Refused("service_unavailable", 503)]
)
async def test_slacks_own_trouble_is_tried_again(room: World, refused: Refused) -> None:
    room.slack.failing["chat.postMessage"].append(refused)
    with pytest.raises(DeliveryDelayed):
        await room.poster.post(CHANNEL, CREATED)
    assert await room.poster.post(CHANNEL, CREATED)


async def test_a_pause_of_days_is_a_refusal(room: World) -> None:
    room.slack.failing["chat.postMessage"].append(Refused("ratelimited", 429, 200_000))
    with pytest.raises(DeliveryRefused, match="no ticket lives so long"):
        await room.poster.post(CHANNEL, CREATED)


@pytest.mark.parametrize("code", ["message_not_found", "channel_not_found", "is_archived", "not_in_channel"])
async def test_a_card_that_is_gone_is_forgotten(room: World, code: str) -> None:
    await room.hold()
    room.slack.failing["chat.update"].append(Refused(code))
    assert await room.tell(EventType.VOTE_RECORDED) == "0 cards"
    assert room.book.kept == {}


async def test_a_thread_whose_card_was_deleted_is_gone_as_well(room: World) -> None:
    card = await room.hold()
    (kept,) = room.book.kept.values()
    del room.slack.messages[card.channel, card.ts]
    with pytest.raises(CardGone):
        await room.poster.update(kept, CREATED)
    with pytest.raises(CardGone):
        await room.poster.follow_up(kept, CREATED)
    with pytest.raises(CardGone):
        await room.poster.update(Card(CHANNEL, "nothing"), CREATED)


@pytest.mark.parametrize("account", ["U0NOBODY", "U0STRANGER"])
async def test_an_account_that_is_no_members_is_refused_with_advice(room: World, account: str) -> None:
    room.slack.members["U0STRANGER"] = "T0FOREIGN"
    with pytest.raises(DeliveryRefused, match="correct the Slack account of this person in the directory"):
        await room.poster.post(account, CREATED)


async def test_no_answer_is_tried_again_and_no_token_is_told(
    room: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await room.poster.post(CHANNEL, CREATED)
    nowhere = SlackWeb(BOT_TOKEN, base_url="http://127.0.0.1:1/api/")
    try:
        poster = SlackPoster(nowhere, PosterSettings(TEAM, CHANNEL, PUBLIC_URL))
        with pytest.raises(DeliveryDelayed, match="unreachable") as delayed:
            await poster.post(CHANNEL, CREATED)
    finally:
        await nowhere.aclose()
    assert delayed.value.__cause__ is None
    told = caplog.text + str(delayed.value)
    assert BOT_TOKEN not in told
    assert "db-orders" not in told


@pytest.mark.parametrize("token", ["xoxb-wrong", APP_TOKEN])
async def test_another_token_is_refused(token: str) -> None:
    async with serving(SlackServer()) as slack:
        web = SlackWeb(token, base_url=f"{slack.url}/api/")
        try:
            poster = SlackPoster(web, PosterSettings(TEAM, CHANNEL, PUBLIC_URL))
            with pytest.raises(DeliveryRefused, match=r"invalid_auth|not_allowed_token_type") as refused:
                await poster.post(CHANNEL, CREATED)
        finally:
            await web.aclose()
    assert token not in str(refused.value)


async def test_what_is_remembered_of_channels_has_a_bound(
    room: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poster_module, "REMEMBERED_MAX", 2)
    for number in range(5):
        room.slack.members[f"U0N{number}"] = TEAM
        assert await room.poster.post(f"U0N{number}", CREATED)
    assert len(room.poster._personal) == len(room.poster._paces) == 2
