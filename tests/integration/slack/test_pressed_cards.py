"""The card that was pressed: adopted where nobody knew it, and mended where it is late."""

from __future__ import annotations

import pytest

from authz.adapters.slack.blocks import APPROVE, DETAILS, REJECT
from authz.domain.events import EventType
from authz.services.card_ports import Card
from authz.services.living_cards import LivingCards
from tests.integration.slack.world import TWO, World, said
from tests.support.sample_tickets import draft
from tests.support.slack_people import buttons, press


@pytest.mark.parametrize("action", [APPROVE, REJECT])
async def test_a_late_press_gets_a_clear_answer_and_the_card_loses_its_buttons(
    room: World, action: str
) -> None:
    """Nothing is told of this ticket any more, so nobody else would take them off."""
    card = await room.hold()
    await room.vote("U0CAROL")
    assert len(buttons(card)) == 3
    await room.post(press(room.slack, "U0BOB", card, action))
    assert "This ticket is already approved." in room.whispered()
    assert [one["action_id"] for one in buttons(card)] == [DETAILS]
    assert card.text.startswith("Approved · ")


async def test_nobody_else_would_take_the_buttons_off(room: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without mending the card still asks."""
    monkeypatch.setattr(LivingCards, "mend", not_done)
    card = await room.hold()
    await room.vote("U0CAROL")
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert len(buttons(card)) == 3


async def test_a_card_that_is_not_adopted_stays_as_it_is(
    room: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test after this one."""
    monkeypatch.setattr(LivingCards, "adopt", not_done)
    card = await room.hold(draft(requirement=TWO))
    room.book.lose()
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    await room.tell(EventType.VOTE_RECORDED)
    assert "0 of 2 approvals" in said(card.blocks)


async def not_done(*_args: object) -> None:
    return


async def test_a_card_that_nobody_knew_is_adopted_when_it_is_pressed(room: World) -> None:
    """As after a notifier that died between Slack's answer and its note of it."""
    card = await room.hold(draft(requirement=TWO))
    room.book.lose()
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    await room.tell(EventType.VOTE_RECORDED)
    assert "1 of 2 approvals" in said(card.blocks)


async def test_a_button_moved_to_the_card_of_another_ticket_takes_that_card_from_nobody(room: World) -> None:
    card = await room.hold(draft(1, requirement=TWO))
    other = draft(2, requirement=TWO)
    await room.store.create(other)
    forged = press(room.slack, "U0BOB", card, APPROVE, value=f"{other.id} {other.fingerprint.payload_digest}")
    await room.post(forged)
    assert [vote.person for vote in room.store.tickets[other.id].votes] == ["bob"]
    assert [key[0] for key in room.book.kept] == [room.held.id]
    forged["message"]["blocks"][-2]["elements"][0]["value"] = forged["actions"][0]["value"]
    await room.post(forged)
    assert len(room.book.kept) == 1, "no card of the other ticket was begun there"
    [(_, channel, place, _)] = room.book.kept
    await room.book.keep(other.id, channel, Card(place, ""))
    await room.post(forged)
    assert len(room.book.kept) == 2, "the control: with both, the card is the other's"
