"""Whose presses decide nothing, and that each is kept out by one guard alone."""

from __future__ import annotations

import pytest

from authz.adapters.slack import payload as payload_module
from authz.adapters.slack.blocks import APPROVE, DETAILS, REJECT
from authz.domain.identity import Identity
from authz.domain.ticket import State
from authz.services import chat_deciding as deciding_module
from tests.integration.slack.world import HIGH, World, labels
from tests.support.sample_tickets import draft
from tests.support.slack_people import buttons, press
from tests.support.slack_state import FOREIGN_TEAM, TEAM


@pytest.mark.parametrize(
    "who", ["of another workspace", "in a channel of another workspace", "of an organisation"]
)
async def test_nobody_of_another_workspace_decides(room: World, who: str) -> None:
    card = await room.hold()
    pressed = press(room.slack, "U0BOB", card, APPROVE)
    if who == "of another workspace":
        pressed["user"]["team_id"] = FOREIGN_TEAM
    elif who == "in a channel of another workspace":
        pressed["team"]["id"] = FOREIGN_TEAM
    else:
        pressed["is_enterprise_install"] = True
    await room.post(pressed)
    assert room.state() is State.PENDING
    assert "members of the workspace that Holdgate is installed in" in room.whispered()


async def test_without_the_look_at_the_workspace_a_foreigner_would_decide(
    room: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a foreigner with the id of a member would be taken for that member."""

    def unguarded(
        of_channel: str, of_user: str, user: str, name: object, *_more: object
    ) -> payload_module.Member:
        assert of_channel
        assert of_user
        return payload_module.Member(Identity(TEAM, user), str(name))

    monkeypatch.setattr(payload_module, "_known", unguarded)
    card = await room.hold()
    pressed = press(room.slack, "U0BOB", card, APPROVE)
    pressed["user"]["team_id"] = FOREIGN_TEAM
    await room.post(pressed)
    assert room.state() is State.APPROVED


async def test_a_forged_press_for_a_high_risk_is_refused(room: World) -> None:
    card = await room.hold(draft(requirement=HIGH))
    assert [one["action_id"] for one in buttons(card)] == [DETAILS]
    value = f"{room.held.id} {room.held.fingerprint.payload_digest}"
    forged = press(room.slack, "U0BOB", card, DETAILS, value=value)
    for action in (APPROVE, REJECT):
        forged["actions"][0] |= {"action_id": action, "action_ts": room.slack.stamp()}
        await room.post({**forged, "trigger_id": room.slack.trigger("U0BOB")})
        assert "decided on the page alone" in room.whispered()
        assert labels(room.slack.whispers[-1]) == ["Open the ticket"]
    assert room.state() is State.PENDING
    assert not room.slack.windows


async def test_without_that_rule_the_forged_press_would_count(
    room: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: chats are called strong in this world."""

    class Renamed:
        HIGH = "never"

    monkeypatch.setattr(deciding_module, "Risk", Renamed)
    card = await room.hold(draft(requirement=HIGH))
    value = f"{room.held.id} {room.held.fingerprint.payload_digest}"
    forged = press(room.slack, "U0BOB", card, DETAILS, value=value)
    forged["actions"][0]["action_id"] = APPROVE
    await room.post(forged)
    assert room.state() is State.APPROVED


@pytest.mark.parametrize("action", [APPROVE, REJECT])
@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ("U0ALICE", "You asked for this yourself"),
        ("U0DAVE", "This rule asks for other people than you."),
        ("U0ERIN", "The directory doesn't know you"),
    ],
)
async def test_whoever_may_not_vote_is_told_so_and_nobody_else(
    room: World, user: str, sentence: str, action: str
) -> None:
    room.slack.members["U0ERIN"] = TEAM
    card = await room.hold()
    before = len(room.slack.messages)
    await room.post(press(room.slack, user, card, action))
    assert (room.state(), len(room.slack.messages), room.slack.windows) == (State.PENDING, before, {})
    assert [whisper.user for whisper in room.slack.whispers] == [user]
    assert sentence in room.whispered()


@pytest.mark.parametrize(
    "broken",
    [
        {"user": None},
        {"user": {"id": "bob", "team_id": TEAM}},
        {"container": {"type": "view"}},
        {"trigger_id": ""},
        {"actions": []},
    ],
)
async def test_what_slack_does_not_send_decides_nothing(room: World, broken: dict[str, object]) -> None:
    card = await room.hold()
    whole = press(room.slack, "U0BOB", card, APPROVE)
    await room.post({**whole, **broken})
    assert room.state() is State.PENDING


@pytest.mark.parametrize(
    "different",
    [{"value": "x"}, {"action_ts": "yesterday"}, {"action_ts": "1e9"}, {"value": "0-" + "a" * 26}],
)
async def test_a_button_with_anything_else_on_it_decides_nothing(
    room: World, different: dict[str, str]
) -> None:
    card = await room.hold()
    whole = press(room.slack, "U0BOB", card, APPROVE)
    whole["actions"][0] |= different
    await room.post(whole)
    assert room.state() is State.PENDING
    assert "This can't be read" in room.whispered()
