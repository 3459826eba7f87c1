"""Approve and Details in Slack: what counts, and what whoever pressed reads."""

from __future__ import annotations

import asyncio

import pytest

from authz.adapters.slack import payload as payload_module
from authz.adapters.slack.blocks import APPROVE, DETAILS
from authz.domain import voting as voting_rules
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.ticket import State
from authz.domain.token import short_code
from authz.domain.voting import Ballot
from authz.entrypoints.chat import slack_app as app_module
from authz.services import chat_deciding as deciding_module
from tests.integration.slack.world import PUBLIC_URL, TWO, World, labels, said, world
from tests.support.sample_tickets import draft
from tests.support.slack_people import buttons, press
from tests.support.slack_state import CHANNEL, TEAM


async def test_an_approval_counts_and_the_card_of_everybody_says_so(room: World) -> None:
    card = await room.hold()
    answer = await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert (answer.status_code, answer.content) == (200, b"")
    assert (room.state(), room.voters) == (State.APPROVED, ["bob"])
    vote = room.store.tickets[room.held.id].votes[0]
    assert (vote.identity, vote.method) == (Identity(TEAM, "U0BOB"), "slack")
    assert room.slack.whispers[-1].user == "U0BOB"
    assert "Your approval was recorded." in room.whispered()
    assert [method for method, _ in room.slack.calls] == ["chat.postMessage", "chat.postEphemeral"]
    await room.tell(EventType.TICKET_APPROVED)
    assert [one["action_id"] for one in buttons(card)] == [DETAILS]
    assert card.text.startswith("Approved · ")
    assert "bob" in said(card.blocks)
    assert room.slack.thread(card) == [f"{short_code(room.held.id)}: It was approved."]


async def test_a_press_that_comes_again_within_five_minutes_counts_once(room: World) -> None:
    card = await room.hold(draft(requirement=TWO))
    pressed = press(room.slack, "U0BOB", card, APPROVE)
    await room.post(pressed)
    assert room.voters == ["bob"]
    await room.withdraw("U0BOB")
    told = len(room.slack.whispers)
    assert (await room.post(pressed)).status_code == 200
    assert room.voters == []
    assert len(room.slack.whispers) == told
    room.later(2)
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert room.voters == ["bob"]


async def test_without_the_memory_of_presses_and_of_withdrawals_a_replay_would_vote(
    room: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test before: each of two guards alone stops it, and without both it votes."""
    card = await room.hold(draft(requirement=TWO))
    pressed = press(room.slack, "U0BOB", card, APPROVE)
    await room.post(pressed)
    room.later(1)
    await room.withdraw("U0BOB")
    room.presses.broken = True
    await room.post(pressed)
    assert room.voters == []
    assert "withdrawn your vote since you pressed this" in room.whispered()
    monkeypatch.setattr(deciding_module, "Ballot", lambda *args, **_late: Ballot(*args))
    await room.post(pressed)
    assert room.voters == ["bob"]


async def test_what_slack_sends_again_is_the_same_press_and_a_second_press_is_another(room: World) -> None:
    card = await room.hold()
    once = press(room.slack, "U0BOB", card, APPROVE)
    again = {**once, "trigger_id": room.slack.trigger("U0BOB")}
    other = press(room.slack, "U0BOB", card, APPROVE)
    callbacks = [payload_module.button_press(one, TEAM).callback for one in (once, again, other)]
    assert callbacks[0] == callbacks[1] != callbacks[2]
    by_carol = press(room.slack, "U0CAROL", card, APPROVE)
    by_carol["actions"][0]["action_ts"] = once["actions"][0]["action_ts"]
    assert payload_module.button_press(by_carol, TEAM).callback != callbacks[0]


async def test_a_stale_digest_is_refused_with_a_fresh_card(room: World) -> None:
    card = await room.hold()
    await room.post(press(room.slack, "U0BOB", card, APPROVE, value=f"{room.held.id} {'0' * 64}"))
    assert room.state() is State.PENDING
    assert "not what this ticket holds" in room.whispered()
    assert labels(room.slack.whispers[-1]) == ["Approve", "Reject", "Details"]
    assert "db-orders" in room.whispered()
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert room.state() is State.APPROVED


async def test_without_the_digest_of_what_was_shown_anything_could_be_approved(
    room: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test before."""
    monkeypatch.setattr(voting_rules, "_check_ballot", lambda *_: None)
    card = await room.hold()
    await room.post(press(room.slack, "U0BOB", card, APPROVE, value=f"{room.held.id} {'0' * 64}"))
    assert room.state() is State.APPROVED


async def test_a_ticket_that_is_gone_gets_a_clear_answer(room: World) -> None:
    card = await room.hold()
    room.store.tickets.clear()
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert "There is no such ticket." in room.whispered()


async def test_an_outage_is_said_to_whoever_pressed(room: World) -> None:
    card = await room.hold()
    room.store.down = True
    answer = await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert answer.status_code == 200
    assert "try again" in room.whispered()
    room.store.down = False
    assert room.state() is State.PENDING
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert room.state() is State.APPROVED


async def test_a_button_that_opens_the_page_is_acknowledged_and_nothing_more(room: World) -> None:
    card = await room.hold()
    calls = len(room.slack.calls)
    assert (await room.post(press(room.slack, "U0BOB", card, DETAILS))).status_code == 200
    assert len(room.slack.calls) == calls


async def test_too_much_at_once_is_refused_before_anything_is_done() -> None:
    async with world(at_once=0) as full:
        card = await full.hold()
        answer = await full.post(press(full.slack, "U0BOB", card, APPROVE))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert (full.state(), full.slack.whispers) == (State.PENDING, [])


async def test_a_press_in_private_is_answered_there(room: World) -> None:
    bob = await room.voting.actor(room.signed_in("U0BOB"))
    assert bob.person is not None
    await room.store.create(room.held)
    await room.tell(EventType.TICKET_CREATED, designated=(bob.person,))
    card = room.slack.card("D0BOB")
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert (room.state(), room.slack.whispers[-1].channel) == (State.APPROVED, "D0BOB")
    await room.tell(EventType.TICKET_APPROVED)
    for one in (card, room.slack.card(CHANNEL)):
        assert [button["action_id"] for button in buttons(one)] == [DETAILS]


async def test_the_page_is_what_every_answer_leads_to(room: World) -> None:
    card = await room.hold()
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    (row,) = [block for block in room.slack.whispers[-1].blocks if block["type"] == "actions"]
    assert row["elements"][0]["url"] == f"{PUBLIC_URL}/tickets/{room.held.id}"


async def test_what_takes_too_long_is_let_go_of(
    room: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    never = asyncio.Event()

    async def hanging(_ticket_id: str) -> None:
        await never.wait()

    card = await room.hold()
    monkeypatch.setattr(app_module, "WORK_SECONDS", 0.01)
    monkeypatch.setattr(room.store, "load", hanging)
    assert (await room.post(press(room.slack, "U0BOB", card, APPROVE))).status_code == 200
    told = capsys.readouterr()
    assert "slack.too_slow" in told.out + told.err
    assert room.state() is State.PENDING
