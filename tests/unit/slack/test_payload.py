"""What comes from Slack is read strictly: whatever it is, it is read, or refused in one of two words."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.adapters.slack.blocks import APPROVE, REJECT
from authz.adapters.slack.button_value import Shown
from authz.adapters.slack.message import ticket_message
from authz.adapters.slack.modal import reject_modal
from authz.adapters.slack.payload import (
    ForeignWorkspace,
    PayloadMalformed,
    answer_to,
    button_press,
    command,
    submission,
)
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.ticket import Choice
from authz.services.ports import Loaded, Posting
from tests.support import slack_people
from tests.support.sample_tickets import CREATED_AT, ticket
from tests.support.slack_server import SlackServer
from tests.support.slack_state import CHANNEL, TEAM, Message, Window

HELD = ticket()
SLACK = SlackServer()
CARD = Message(
    CHANNEL,
    SLACK.stamp(),
    "",
    json.loads(
        json.dumps(
            ticket_message(
                Posting(EventType.TICKET_CREATED, HELD, CREATED_AT, b"{}"), "https://holdgate.example"
            ).fields["blocks"]
        )
    ),
)
VIEW = json.loads(json.dumps(reject_modal(Loaded(HELD, CREATED_AT), Shown.of(HELD), CHANNEL)))
PRESS = slack_people.press(SLACK, "U0BOB", CARD, APPROVE)
SUBMISSION = slack_people.submission(SLACK, "U0BOB", Window("V1", "U0BOB", VIEW), "because")
COMMAND = slack_people.command(SLACK, "U0BOB", "list")
READERS = ((button_press, PRESS), (submission, SUBMISSION), (command, COMMAND))

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from([TEAM, "U0BOB", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the way to every value in a document."""
    found = [path] if path else []
    pairs: list[tuple[Any, object]] = []
    if isinstance(node, dict):
        pairs = list(node.items())
    elif isinstance(node, list):
        pairs = list(enumerate(node))
    return found + [place for key, value in pairs for place in places(value, (*path, key))]


def test_each_is_read_whole() -> None:
    pressed = button_press(PRESS, TEAM)
    assert (pressed.by.identity, pressed.by.name, pressed.choice) == (
        Identity(TEAM, "U0BOB"),
        "bob",
        Choice.APPROVE,
    )
    assert (pressed.shown, pressed.channel, pressed.card) == (Shown.of(HELD), CHANNEL, f"{CHANNEL} {CARD.ts}")
    assert button_press(slack_people.press(SLACK, "U0BOB", CARD, REJECT), TEAM).choice is Choice.REJECT
    stamp = PRESS["actions"][0]["action_ts"]
    assert pressed.at == int(stamp.partition(".")[0]) * 1000 + int(stamp.partition(".")[2][:3])
    sent = submission(SUBMISSION, TEAM)
    assert (sent.shown, sent.reason, sent.channel) == (Shown.of(HELD), "because", CHANNEL)
    typed = command(COMMAND, TEAM)
    assert (typed.by.identity, typed.text) == (Identity(TEAM, "U0BOB"), "list")
    assert answer_to(PRESS) == (CHANNEL, "U0BOB")


@pytest.mark.parametrize(("reader", "whole"), READERS)
@given(data=st.data())
def test_whatever_else_stands_anywhere_is_read_or_refused(
    reader: Any,  # noqa: ANN401 - one of three functions
    whole: dict[str, Any],
    data: st.DataObject,
) -> None:
    broken = copy.deepcopy(whole)
    way = data.draw(st.sampled_from(places(broken)))
    node: Any = broken
    for key in way[:-1]:
        node = node[key]
    if data.draw(st.booleans()):
        node[way[-1]] = data.draw(anything)
    else:
        del node[way[-1]]
    answer_to(broken)
    try:
        read = reader(broken, TEAM)
    except (PayloadMalformed, ForeignWorkspace):
        return
    assert read.by.identity.ns == TEAM


@given(anything)
def test_so_is_anything_at_all(document: object) -> None:
    for reader, _ in READERS:
        with pytest.raises((PayloadMalformed, ForeignWorkspace)):
            reader(document if isinstance(document, dict) else {"x": document}, TEAM)


def test_a_message_that_only_one_person_sees_is_no_card() -> None:
    whisper = {**PRESS, "container": {**PRESS["container"], "is_ephemeral": True}}
    assert button_press(whisper, TEAM).card == ""
    assert button_press({**PRESS, "message": {"blocks": []}}, TEAM).card == ""
