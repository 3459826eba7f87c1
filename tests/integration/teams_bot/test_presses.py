"""A button pressed in Teams: what counts, what never does, and what everybody sees afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from authz.adapters.bot_framework import checks
from authz.domain import voting as voting_rules
from authz.domain.approver import Approver, ApproverKind
from authz.domain.requirement import Risk
from authz.domain.ticket import Ticket
from authz.entrypoints.chat import teams, teams_presses
from authz.services import chat_deciding
from tests.integration.teams_bot.world import World, data_of, has_buttons, said, sentence_of
from tests.support.bot_framework_tokens import FORGERIES, Forgery
from tests.support.requirements import approved_by
from tests.support.sample_tickets import REQUIREMENT
from tests.support.teams_rooms import Document, Message
from tests.unit.teams_bot.cards import validate

TWO = approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2))
HIGH = replace(REQUIREMENT, risk=Risk.HIGH)
CARD = "application/vnd.microsoft.card.adaptive"
SENTENCE = "application/vnd.microsoft.activity.message"


def pressing(world: World, message: Message, held: Ticket, name: str, **value: object) -> Document:
    """Return the activity of one press, to be delivered more than once, or later."""
    action = {"type": "Action.Execute", "verb": "approve", "data": data_of(held)}
    return world.teams.activity("invoke", world.room, world.vendor.member(name)) | {
        "name": "adaptiveCard/action",
        "replyToId": message.id,
        "value": {"action": action, **value},
    }


async def test_an_approval_counts_and_everybody_sees_it_on_the_same_card(world: World) -> None:
    held, message = await world.posted()
    answer = await world.press(message, "bob")
    assert (answer["statusCode"], answer["type"]) == (200, CARD)
    validate(answer["value"])
    assert sentence_of(answer) == "Your approval was recorded."
    assert not has_buttons(answer["value"])
    assert world.votes(held) == [("bob", "approve")]
    vote = world.store.tickets[held.id].votes[0]
    assert (vote.identity.ns, vote.method) == (world.vendor.tenant, "teams")
    assert vote.shown_digest == held.draft.fingerprint.payload_digest
    await world.tell()
    assert message.edits > 0
    assert not has_buttons(message.card)
    below = [one for one in world.vendor.messages(world.room) if one is not message]
    assert [one.root for one in below] == [message.id]
    assert "Approved" in below[0].text


async def test_a_rejection_carries_its_reason(world: World) -> None:
    held, message = await world.posted()
    answer = await world.press(message, "bob", "reject", reason=" not on a Friday \r\n at all")
    assert sentence_of(answer) == "Your rejection was recorded."
    assert world.store.tickets[held.id].votes[0].comment == "not on a Friday \n at all"
    await world.tell()
    assert "not on a Friday" in str(message.card)


async def test_a_rejection_without_a_reason_is_refused(world: World) -> None:
    held, message = await world.posted()
    answer = said(await world.invoke(message, "bob", data_of(held, reason="  "), "reject"))
    assert "few words" in sentence_of(answer)
    assert not world.votes(held)


@pytest.mark.parametrize("name", sorted(FORGERIES))
async def test_what_the_vendor_did_not_send_never_decides(world: World, name: str) -> None:
    held, message = await world.posted()
    answer = await world.teams.press(message, world.vendor.member("bob"), "approve", forgery=FORGERIES[name])
    assert answer.status_code == 401
    assert not world.votes(held)


@pytest.mark.parametrize("name", ["a foreign tenant", "another bot's", "another channel's key"])
async def test_without_its_check_a_forged_press_would_decide(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    held, message = await world.posted()
    monkeypatch.setattr(checks, "PROOF", ())
    await world.teams.press(message, world.vendor.member("bob"), "approve", forgery=FORGERIES[name])
    assert world.votes(held) == [("bob", "approve")]


@pytest.mark.parametrize("trigger", ["automatic", "Manual", "", None, 1])
@pytest.mark.parametrize("guarded", [True, False])
async def test_what_teams_asks_by_itself_shows_the_card_and_never_decides(
    world: World, guarded: bool, trigger: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, message = await world.posted()
    if not guarded:
        monkeypatch.setattr(teams_presses, "is_pressed", lambda _activity: True)
    answer = said(await world.teams.deliver(pressing(world, message, held, "bob", trigger=trigger)))
    assert answer["type"] == CARD
    assert has_buttons(answer["value"]) is guarded
    assert world.votes(held) == ([] if guarded else [("bob", "approve")])


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_press_that_comes_again_never_counts_again(
    world: World, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even after it was taken back, which another rule sees to as well: the control is without both."""
    held, message = await world.posted(requirement=TWO)
    activity = pressing(world, message, held, "bob")
    assert sentence_of(said(await world.teams.deliver(activity))) == "Your approval was recorded."
    assert world.votes(held) == [("bob", "approve")]
    world.store.now += 1000
    await world.withdraw(held, "bob")
    monkeypatch.setattr(voting_rules, "_check_pressed_since", lambda *_: None)
    world.book.forgetful = not guarded
    again = said(await world.teams.deliver(activity))
    assert (sentence_of(again) == "Your approval was recorded.") is not guarded
    assert world.votes(held) == ([] if guarded else [("bob", "approve")])


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_withdrawal_voids_what_was_pressed_before_it(
    world: World, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, message = await world.posted(requirement=TWO)
    late = pressing(world, message, held, "bob")
    await world.press(message, "bob")
    world.store.now += 1000
    await world.withdraw(held, "bob")
    world.store.now += 1000
    if not guarded:
        monkeypatch.setattr(voting_rules, "_check_pressed_since", lambda *_: None)
    answer = said(await world.teams.deliver(late))
    assert ("withdrawn your vote since" in sentence_of(answer)) is guarded
    assert world.votes(held) == ([] if guarded else [("bob", "approve")])


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_forged_press_on_a_high_risk_is_refused(
    world: World, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, message = await world.posted(requirement=HIGH)
    assert not has_buttons(message.card)
    if not guarded:
        monkeypatch.setattr(chat_deciding, "Risk", type("Risk", (), {"HIGH": object()}))
    answer = said(await world.invoke(message, "bob", data_of(held)))
    assert ("high risk" in sentence_of(answer)) is guarded
    assert world.votes(held) == ([] if guarded else [("bob", "approve")])


async def test_a_stale_digest_gets_the_sentence_and_the_card_as_it_is(world: World) -> None:
    held, message = await world.posted()
    answer = said(await world.invoke(message, "bob", data_of(held, digest="0" * 64)))
    assert answer["type"] == CARD
    assert "not what this ticket holds" in sentence_of(answer)
    assert has_buttons(answer["value"])
    assert not world.votes(held)
    fresh = await world.press(message, "bob")  # on the card that came with the answer
    assert sentence_of(fresh) == "Your approval was recorded."


async def test_a_stale_digest_would_count_without_its_check(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, message = await world.posted()
    monkeypatch.setattr(voting_rules, "_check_ballot", lambda *_: None)
    await world.invoke(message, "bob", data_of(held, digest="0" * 64))
    assert world.votes(held) == [("bob", "approve")]


async def test_the_requester_cannot_approve_their_own_though_they_are_of_the_group(world: World) -> None:
    held, message = await world.posted()
    answer = await world.press(message, "alice")
    assert "asked for this yourself" in sentence_of(answer)
    assert not world.votes(held)


async def test_without_the_rule_the_requester_could(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held, message = await world.posted()
    monkeypatch.setattr(voting_rules, "is_requester", lambda *_: False)
    monkeypatch.setattr("authz.services.permissions._own", lambda *_: False)
    await world.press(message, "alice")
    assert world.votes(held) == [("alice", "approve")]


async def test_a_late_press_is_told_how_it_ended_and_gets_the_card_without_buttons(world: World) -> None:
    held, message = await world.posted()
    old = replace(message)
    await world.press(message, "bob")
    await world.tell()
    answer = said(await world.invoke(old, "carol", data_of(held)))
    assert sentence_of(answer) == "This ticket is already approved."
    assert not has_buttons(answer["value"])
    assert world.votes(held) == [("bob", "approve")]


async def test_who_may_not_look_is_told_a_sentence_and_shown_nothing(world: World) -> None:
    held, message = await world.posted()
    for name in ("dave", "mallory"):
        answer = await world.press(message, name)
        assert answer["type"] == SENTENCE
        assert "api.example" not in str(answer)
        shown = said(await world.invoke(message, name, data_of(held), trigger="automatic"))
        assert shown["type"] == SENTENCE
    assert not world.votes(held)


async def test_an_account_that_teams_does_not_name_cannot_vote(world: World) -> None:
    held, message = await world.posted()

    def anonymous(activity: dict[str, object]) -> None:
        sender = activity["from"]
        assert isinstance(sender, dict)
        del sender["aadObjectId"]

    answer = await world.teams.press(
        message, world.vendor.member("bob"), "approve", forgery=Forgery(activity=anonymous)
    )
    assert "by which account" in sentence_of(said(answer))
    assert not world.votes(held)


@pytest.mark.parametrize(
    ("data", "verb"),
    [
        ({}, "approve"),
        ({"ticket": "../../x", "digest": "0"}, "approve"),
        ({"ticket": 1, "digest": "0"}, "approve"),
        (None, "approve"),
        ({"digest": "0"}, "approve"),
        ({"reason": ["x"]}, "reject"),
        ({}, "revoke"),
        ({}, None),
        ({}, ["approve"]),
    ],
)
async def test_what_no_card_of_ours_sends_is_an_error_and_decides_nothing(
    world: World, data: object, verb: object
) -> None:
    held, message = await world.posted()
    whole = {**data_of(held), **data} if verb != "approve" and isinstance(data, dict) else data
    action = {"type": "Action.Execute", "verb": verb, "data": whole}
    answer = said(await world.teams.invoke(message, world.vendor.member("bob"), action))
    assert (answer["statusCode"], answer["type"]) == (400, "application/vnd.microsoft.error")
    assert not world.votes(held)


async def test_a_ticket_that_does_not_exist_is_a_clear_answer(world: World) -> None:
    held, message = await world.posted()
    answer = said(await world.invoke(message, "bob", data_of(held, ticket=f"0-{'a' * 26}")))
    assert "no such ticket" in sentence_of(answer)


async def test_an_outage_is_told_and_the_press_may_come_again(world: World) -> None:
    held, message = await world.posted()
    world.store.down = True
    answer = await world.press(message, "bob")
    assert "can't reach its store" in sentence_of(answer)
    world.store.down = False
    assert sentence_of(await world.press(message, "bob")) == "Your approval was recorded."
    assert world.votes(held) == [("bob", "approve")]


async def test_a_decision_that_takes_long_is_taken_and_answered_before_it_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, message = await world.posted()
    go_on = asyncio.Event()
    decided = world.deciding.decide

    async def slow(press: chat_deciding.Press) -> chat_deciding.PressAnswer:
        await go_on.wait()
        return await decided(press)

    monkeypatch.setattr(world.deciding, "decide", slow)
    monkeypatch.setattr(teams, "ANSWER_S", 0.2)
    answer = await world.press(message, "bob")
    assert sentence_of(answer) == teams_presses.SLOW
    assert not world.votes(held)
    go_on.set()
    await world.settle()
    assert world.votes(held) == [("bob", "approve")]


async def test_too_many_presses_at_once_are_turned_away_with_a_sentence(world: World) -> None:
    held, message = await world.posted()
    world.in_hand._most = 0
    assert sentence_of(await world.press(message, "bob")) == teams_presses.BUSY
    assert not world.votes(held)


async def test_a_pressed_card_that_nobody_knew_is_changed_from_then_on(world: World) -> None:
    held, message = await world.posted(requirement=TWO)
    await world.unnote(held)
    await world.press(message, "bob")
    await world.settle()
    await world.press(message, "carol")
    await world.tell()
    assert world.votes(held) == [("bob", "approve"), ("carol", "approve")]
    assert not has_buttons(message.card)


async def test_a_card_that_nobody_knew_of_an_ended_ticket_loses_its_buttons_at_a_late_press(
    world: World,
) -> None:
    held, message = await world.posted()
    await world.press(message, "bob")
    await world.settle()
    await world.unnote(held)
    assert has_buttons(message.card)
    await world.invoke(message, "carol", data_of(held))
    await world.settle()
    assert not has_buttons(message.card)


async def test_a_card_somewhere_else_is_not_taken_for_ours(world: World) -> None:
    """Somebody could press a button with the data of a ticket in any room that they are in."""
    held, message = await world.posted()
    elsewhere = world.vendor.channel(bot_in=True)
    other = elsewhere.add(dict(message.activity), by_bot=True)
    await world.invoke(other, "bob", data_of(held))
    await world.settle()
    assert [card.reference for card in await world.book.cards(held.id, "ops")] == [message.id]
