"""Reject in Slack: a window asks for the reason, and is judged by who submits it."""

from __future__ import annotations

import pytest

from authz.adapters.slack.blocks import REJECT
from authz.domain.ticket import State
from authz.services.permissions import Action
from tests.integration.slack.world import World, said
from tests.support.slack_people import press, submission
from tests.support.slack_state import Window


async def window(room: World, user: str = "U0BOB") -> Window:
    """Press Reject, and return the window that opens."""
    before = set(room.slack.windows)
    card = room.slack.card()
    assert (await room.post(press(room.slack, user, card, REJECT))).status_code == 200
    (opened,) = set(room.slack.windows) - before
    return room.slack.windows[opened]


async def test_a_rejection_asks_for_a_reason_and_the_requester_can_read_it(room: World) -> None:
    await room.hold()
    opened = await window(room)
    assert opened.user == "U0BOB"
    assert "db-orders" in said(opened.view["blocks"])
    answer = await room.post(submission(room.slack, "U0BOB", opened, "  not during the freeze "))
    assert (answer.status_code, answer.content) == (200, b"")
    assert room.state() is State.REJECTED
    assert room.store.tickets[room.held.id].votes[0].comment == "not during the freeze"
    assert "Your rejection was recorded." in room.whispered()


@pytest.mark.parametrize("reason", [None, "", "  \n "])
async def test_a_reason_of_nothing_keeps_the_window_open(room: World, reason: str | None) -> None:
    await room.hold()
    opened = await window(room)
    answer = await room.post(submission(room.slack, "U0BOB", opened, reason))
    assert answer.json() == {"response_action": "errors", "errors": {"reason": "Say in a few words why."}}
    assert room.state() is State.PENDING
    await room.post(submission(room.slack, "U0BOB", opened, "because"))
    assert room.state() is State.REJECTED


async def test_a_window_submitted_by_somebody_else_is_judged_as_that_person(room: World) -> None:
    await room.hold()
    opened = await window(room, "U0BOB")
    for user, sentence in (("U0ALICE", "You asked for this yourself"), ("U0DAVE", "other people than you")):
        await room.post(submission(room.slack, user, opened, "mine"))
        assert room.state() is State.PENDING
        assert (room.slack.whispers[-1].user, sentence in room.whispered()) == (user, True)
    await room.post(submission(room.slack, "U0CAROL", opened, "mine"))
    assert (room.state(), room.voters) == (State.REJECTED, ["carol"])


async def test_the_right_to_reject_is_asked_for_again_when_the_window_is_submitted(room: World) -> None:
    await room.hold()
    opened = await window(room)
    room.rule.denied.add(Action.REJECT)
    room.rule.reason = "Not on call any more."
    await room.post(submission(room.slack, "U0BOB", opened, "because"))
    assert room.state() is State.PENDING
    assert "Not on call any more." in room.whispered()


async def test_a_submission_that_comes_again_counts_once(room: World) -> None:
    await room.hold()
    opened = await window(room)
    submitted = submission(room.slack, "U0BOB", opened, "because")
    await room.post(submitted)
    told = len(room.slack.whispers)
    await room.post(submitted)
    assert len(room.slack.whispers) == told
    room.presses.broken = True
    await room.post(submitted)
    assert len(room.slack.whispers) == told + 1


@pytest.mark.parametrize(
    "metadata", ["", "x", "{id} {digest}", "{id} {digest} C0APPROVALS 1.2", "{id} {digest} evil"]
)
async def test_a_window_that_none_of_ours_opened_decides_nothing(room: World, metadata: str) -> None:
    await room.hold()
    opened = await window(room)
    held = room.held
    text = metadata.format(id=held.id, digest=held.fingerprint.payload_digest)
    forged = Window(opened.id, "U0BOB", {**opened.view, "private_metadata": text})
    answer = await room.post(submission(room.slack, "U0BOB", forged, "because"))
    assert answer.json()["response_action"] == "errors"
    assert room.state() is State.PENDING


async def test_a_window_that_slack_opens_no_more_is_said(room: World) -> None:
    card = await room.hold()
    moment = room.slack.monotonic()
    room.slack.monotonic = lambda: moment
    pressed = press(room.slack, "U0BOB", card, REJECT)
    room.slack.monotonic = lambda: moment + 3
    await room.post(pressed)
    assert not room.slack.windows
    assert "Press Reject again." in room.whispered()
