"""What Slack tells of people: a button pressed, a window submitted, a command typed. Read strictly.

Slack vouches for who it was and when; what a button or a window carries comes from a client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from authz.adapters.slack import modal
from authz.adapters.slack.blocks import APPROVE, REJECT
from authz.adapters.slack.button_value import Shown, parse_value
from authz.domain.identity import Identity
from authz.domain.ticket import Choice

_USER: Final = re.compile(r"[UW][A-Z0-9]{2,40}", re.ASCII)
_CHANNEL: Final = re.compile(r"[CDG][A-Z0-9]{2,40}", re.ASCII)
_STAMP: Final = re.compile(r"(\d{9,11})\.(\d{3})\d{0,9}", re.ASCII)
_ID: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
_NAME_MAX: Final = 200

_CHOICES: Final = {APPROVE: Choice.APPROVE, REJECT: Choice.REJECT}


class PayloadMalformed(Exception):
    """Slack doesn't send this, or it isn't about anything of ours. `part` says which part of it is wrong."""

    def __init__(self, part: str) -> None:
        super().__init__(f"what came from Slack can't be read: {part}")
        self.part = part


class ForeignWorkspace(Exception):
    """Somebody of another workspace, who is in a channel that is shared with it, or an organisation's installation."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the workspace that the settings name."""

    identity: Identity
    name: str


@dataclass(frozen=True, slots=True)
class ButtonPress:
    """A button of a card was pressed. `callback` names this press for ever, and `at` is when it was (epoch ms).

    `card` is the message that can be changed, as CardPoster names it: empty for one that only one person sees, and for
    one in which Slack says there is no such button. `channel` is where to answer.
    """

    by: Member
    choice: Choice
    shown: Shown
    callback: str
    at: int
    trigger: str
    channel: str
    card: str


@dataclass(frozen=True, slots=True)
class Submission:
    """The window of a rejection was submitted. `channel` is where to answer."""

    by: Member
    shown: Shown
    reason: str
    callback: str
    channel: str


@dataclass(frozen=True, slots=True)
class Command:
    """Somebody typed `/approvals`. What is answered goes to `response_url`."""

    by: Member
    text: str
    callback: str
    response_url: str


def button_press(body: Mapping[str, object], team: str) -> ButtonPress:
    """Read a `block_actions` payload. Raises PayloadMalformed and ForeignWorkspace.

    The callback is made of facts about the press: who, on which message, and the time stamp that Slack gave it. When
    Slack sends a payload again these are the same, and one person can't press twice at one of Slack's moments. A
    `trigger_id` would be unique, too, but it is a short-lived permission, which another try may get anew.
    """
    by = _member(body, team)
    match body:
        case {
            "actions": [{"action_id": str(action), "value": str(value), "action_ts": str(stamp)}],
            "trigger_id": str(trigger),
            "container": {"type": "message", "channel_id": str(channel), "message_ts": str(message), **more},
        }:
            pass
        case _:
            raise PayloadMalformed("the press of a button")
    choice, shown = _CHOICES.get(action), parse_value(value)
    if choice is None or shown is None:
        raise PayloadMalformed("what the button carries")
    at = _milliseconds(stamp)
    if not _CHANNEL.fullmatch(channel) or not _STAMP.fullmatch(message) or not _ID.fullmatch(trigger):
        raise PayloadMalformed("the message of the button")
    callback = f"press {by.identity.id} {channel} {message} {action} {stamp}"
    card = _shows(body.get("message"), value) and not more.get("is_ephemeral")
    return ButtonPress(
        by, choice, shown, callback, at, trigger, channel, f"{channel} {message}" if card else ""
    )


def submission(body: Mapping[str, object], team: str) -> Submission:
    """Read a `view_submission` payload. Raises PayloadMalformed and ForeignWorkspace.

    A window has an id of its own each time that it is opened, is closed by its submission, and belongs to one person.
    """
    by = _member(body, team)
    match body:
        case {
            "view": {
                "id": str(view),
                "private_metadata": str(metadata),
                "state": {"values": {**blocks}},
            }
        }:
            pass
        case _:
            raise PayloadMalformed("the submission of a window")
    carried = modal.parse_metadata(metadata)
    if carried is None or not _ID.fullmatch(view):
        raise PayloadMalformed("what the window carries")
    match blocks.get(modal.REASON_BLOCK):
        case {modal.REASON: {"value": str(reason)}}:
            pass
        case {modal.REASON: {"value": None}}:
            reason = ""
        case _:
            raise PayloadMalformed("the reason in the window")
    shown, channel = carried
    if not _CHANNEL.fullmatch(channel):
        raise PayloadMalformed("what the window carries")
    return Submission(by, shown, reason, f"window {by.identity.id} {view}", channel)


def command(body: Mapping[str, object], team: str) -> Command:
    """Read a slash command. Raises PayloadMalformed and ForeignWorkspace.

    There is nothing but the `trigger_id` that tells one command from the same words typed again. Slack doesn't send a
    command a second time by itself, and whoever replays one sends the same.
    """
    match body:
        case {
            "team_id": str(of_team),
            "user_id": str(user),
            "trigger_id": str(trigger),
            "response_url": str(response_url),
        }:
            by = _known(
                of_team, of_team, user, body.get("user_name"), team, body.get("is_enterprise_install")
            )
        case _:
            raise PayloadMalformed("a command")
    text = body.get("text", "")
    if not _ID.fullmatch(trigger) or not isinstance(text, str):
        raise PayloadMalformed("a command")
    return Command(by, text, f"command {user} {trigger}", response_url)


def answer_to(body: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the channel and the user of whoever did something that is refused unread, None where that isn't said."""
    match body:
        case {"container": {"channel_id": str(channel)}, "user": {"id": str(user)}}:
            return (channel, user) if _CHANNEL.fullmatch(channel) and _USER.fullmatch(user) else None
        case _:
            return None


def _shows(message: object, value: str) -> bool:
    """Say whether a message has a button with this value: else it is the card of another ticket, or none."""
    match message:
        case {"blocks": list(blocks)}:
            elements = [block.get("elements") for block in blocks if isinstance(block, dict)]
        case _:
            return False
    return any(
        isinstance(element, dict) and element.get("value") == value
        for group in elements
        if isinstance(group, list)
        for element in group
    )


def _member(body: Mapping[str, object], team: str) -> Member:
    """Return who did it. Their own workspace counts, not the one whose channel it was done in."""
    match body:
        case {
            "team": {"id": str(of_channel)},
            "user": {"id": str(user), "team_id": str(of_user), **rest},
        }:
            name = rest.get("name") or rest.get("username")
            return _known(of_channel, of_user, user, name, team, body.get("is_enterprise_install"))
        case {"team": None} | {"is_enterprise_install": True}:
            raise ForeignWorkspace
        case _:
            raise PayloadMalformed("who it was")


def _known(  # noqa: PLR0913, PLR0917 - the parts of one question
    of_channel: str, of_user: str, user: str, name: object, team: str, installed_for_all: object
) -> Member:
    if of_user != team or of_channel != team or str(installed_for_all).lower() == "true":
        raise ForeignWorkspace
    if not _USER.fullmatch(user):
        raise PayloadMalformed("who it was")
    shown = name if isinstance(name, str) else ""
    return Member(Identity(team, user), shown[:_NAME_MAX])


def _milliseconds(stamp: str) -> int:
    """Read Slack's `1700000000.123456`. Raises PayloadMalformed."""
    found = _STAMP.fullmatch(stamp)
    if found is None:
        raise PayloadMalformed("the time of the press")
    return int(found[1]) * 1000 + int(found[2])
