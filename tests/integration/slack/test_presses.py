"""Buttons, windows and commands in Slack: what counts, what doesn't, and what whoever did it reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from authz.adapters.slack import payload as payload_module
from authz.adapters.slack.blocks import APPROVE, DETAILS, REJECT
from authz.domain.approver import Approver, ApproverKind
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.requirement import Risk
from authz.domain.ticket import State
from authz.domain.token import short_code
from authz.domain.voting import Ballot
from authz.services import chat_deciding as deciding_module
from authz.services.permissions import Action
from tests.integration.slack.world import PUBLIC_URL, World, said, world
from tests.support.requirements import approved_by
from tests.support.sample_tickets import REQUIREMENT, draft
from tests.support.slack_people import buttons, command, press, submission
from tests.support.slack_server import CHANNEL, FOREIGN_TEAM, TEAM, Whisper, Window

TWO = approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2))
HIGH = replace(REQUIREMENT, risk=Risk.HIGH)


@pytest.fixture
async def room() -> AsyncIterator[World]:
    async with world() as made:
        yield made


def labels(whisper: Whisper) -> list[str]:
    return [
        one["text"]["text"]
        for block in whisper.blocks
        if block["type"] == "actions"
        for one in block["elements"]
    ]


async def window(room: World, user: str = "U0BOB") -> Window:
    """Press Reject, and return the window that opens."""
    before = set(room.slack.windows)
    card = room.slack.card()
    assert (await room.post(press(room.slack, user, card, REJECT))).status_code == 200
    (opened,) = set(room.slack.windows) - before
    return room.slack.windows[opened]


async def test_an_approval_counts_and_the_card_of_everybody_says_so(room: World) -> None:
    card = await room.hold()
    answer = await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert (answer.status_code, answer.content) == (200, b"")
    assert (room.state(), room.voters) == (State.APPROVED, ["bob"])
    vote = room.store.tickets[room.held.id].votes[0]
    assert (vote.identity, vote.method) == (Identity(TEAM, "U0BOB"), "slack")
    assert room.slack.whispers[-1].user == "U0BOB"
    assert "Your approval was recorded." in room.whispered()
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


async def test_a_stale_digest_is_refused_with_a_fresh_card(room: World) -> None:
    card = await room.hold()
    await room.post(press(room.slack, "U0BOB", card, APPROVE, value=f"{room.held.id} {'0' * 64}"))
    assert room.state() is State.PENDING
    assert "not what this ticket holds" in room.whispered()
    assert labels(room.slack.whispers[-1]) == ["Approve", "Reject", "Details"]
    assert "db-orders" in room.whispered()
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
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


async def test_a_ticket_that_is_gone_gets_a_clear_answer(room: World) -> None:
    card = await room.hold()
    room.store.tickets.clear()
    await room.post(press(room.slack, "U0BOB", card, APPROVE))
    assert "There is no such ticket." in room.whispered()


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


async def test_a_card_that_nobody_knew_is_adopted_when_it_is_pressed(room: World) -> None:
    """As after a notifier that died between Slack's answer and its note of it."""
    card = await room.hold(draft(requirement=TWO))
    room.book.kept.clear()
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
    assert len(room.book.kept) == 2, "the control: with the button in Slack's message the card is the other's"


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


async def test_commands_list_approve_and_reject(room: World) -> None:
    await room.hold(draft(requirement=TWO))
    code = short_code(room.held.id)
    await room.post(command(room.slack, "U0BOB", ""))
    listed = room.slack.responses[-1]
    assert (listed["response_type"], listed["text"]) == ("ephemeral", "1 waiting for you")
    assert "db-orders" in said(listed["blocks"])
    assert f"*{code}*" in said(listed["blocks"])
    await room.post(command(room.slack, "U0DAVE", "list"))
    assert room.slack.responses[-1]["text"] == "Nothing waits for you."
    await room.post(command(room.slack, "U0BOB", f"approve {code} looks  fine"))
    assert "Your approval was recorded." in said(room.slack.responses[-1]["blocks"])
    assert room.store.tickets[room.held.id].votes[0].comment == "looks  fine"
    await room.post(command(room.slack, "U0CAROL", f"reject {code.lower().replace('-', '')}"))
    assert "/approvals reject CODE REASON" in said(room.slack.responses[-1]["blocks"])
    assert room.state() is State.PENDING
    # bolt reads a form with this word in it as another kind of message.
    await room.post(command(room.slack, "U0CAROL", f"reject {code} the payload=wrong"))
    assert (room.state(), room.store.tickets[room.held.id].votes[-1].comment) == (
        State.REJECTED,
        "the payload=wrong",
    )
    await room.post(command(room.slack, "U0BOB", f"approve {code}"))
    assert "No ticket that you may see waits under this code." in said(room.slack.responses[-1]["blocks"])


async def test_a_command_goes_the_way_of_a_button(room: World) -> None:
    await room.hold(draft(requirement=HIGH))
    code = short_code(room.held.id)
    await room.post(command(room.slack, "U0BOB", f"approve {code}"))
    assert "decided on the page alone" in said(room.slack.responses[-1]["blocks"])
    await room.post(command(room.slack, "U0ALICE", f"approve {code}"))
    assert room.state() is State.PENDING
    await room.post(command(room.slack, "U0BOB", f"approve {code}", team=FOREIGN_TEAM))
    assert "members of the workspace" in said(room.slack.responses[-1]["blocks"])
    assert room.state() is State.PENDING


async def test_a_command_that_comes_again_counts_once(room: World) -> None:
    await room.hold(draft(requirement=TWO))
    typed = command(room.slack, "U0BOB", f"approve {short_code(room.held.id)}")
    await room.post(typed)
    await room.withdraw("U0BOB")
    told = len(room.slack.responses)
    await room.post(typed)
    assert (room.voters, len(room.slack.responses)) == ([], told)


@pytest.mark.parametrize("text", ["help", "approve", "approve nothing", "delete x y", "reject x y"])
async def test_whatever_else_is_typed_is_answered(room: World, text: str) -> None:
    await room.hold()
    await room.post(command(room.slack, "U0BOB", text))
    assert said(room.slack.responses[-1]["blocks"])
    assert room.state() is State.PENDING


async def test_an_answer_goes_to_no_address_that_is_not_slacks(room: World) -> None:
    await room.hold()
    typed = command(room.slack, "U0BOB", "help")
    elsewhere = room.slack.url.replace("127.0.0.1", "localhost")
    assert elsewhere != room.slack.url
    await room.post({**typed, "response_url": typed["response_url"].replace(room.slack.url, elsewhere)})
    assert room.slack.responses == []
    await room.post(typed)
    assert len(room.slack.responses) == 1


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
