"""What is posted about a ticket: within Slack's limits, and every text of others read literally."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from authz.adapters.slack import row_blocks as row_blocks_module
from authz.adapters.slack.alarm_message import alarm_message
from authz.adapters.slack.answers import listing, sentence, with_card
from authz.adapters.slack.blocks import APPROVE, DETAILS, REJECT, ours
from authz.adapters.slack.button_value import Shown, parse_value
from authz.adapters.slack.digest_message import digest_message
from authz.adapters.slack.message import MESSAGE_MAX, Message, fitting, ticket_message
from authz.adapters.slack.modal import parse_metadata, reject_modal
from authz.adapters.slack.thread import thread_message
from authz.domain.events import EventType
from authz.domain.requirement import Risk
from authz.domain.ticket import Choice, State, Ticket
from authz.domain.token import short_code
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryRefused, Loaded, Posting
from tests.support.block_kit import Texts, problems, texts, total, view_problems
from tests.support.sample_tickets import BODY, CREATED_AT, REQUEST, REQUIREMENT, approved, ended, ticket, vote
from tests.unit.teams.attacked import (
    KINDS,
    OF_REQUEST,
    OF_VOTES,
    ON_WHOLE_CARDS,
    BodyKind,
    attacked,
    attacked_body,
    attacked_review,
    mark,
)
from tests.unit.teams.attacks import ATTACKS
from tests.unit.teams.test_text import hidden

PUBLIC_URL = "https://holdgate.example"
OPENING = mark("")[0]
OF_TICKETS = [
    kind for kind in EventType if kind not in {EventType.BREAKGLASS_USED, EventType.BREAKGLASS_REVIEWED}
]
TOLD = [kind for kind in OF_TICKETS if kind is not EventType.GRANT_REDEEMED]


def posted(
    held: Ticket, now: int = CREATED_AT + 1000, body: bytes = BODY, *, copied: bool = False
) -> dict[str, Any]:
    """Return the message for a ticket as it goes over the wire, having checked that Slack would take it."""
    return checked(
        ticket_message(Posting(EventType.TICKET_CREATED, held, now, body, copied=copied), PUBLIC_URL)
    )


def checked(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = json.loads(json.dumps(message.fields))
    assert problems(wire["blocks"]) == []
    assert total(wire["blocks"]) <= MESSAGE_MAX
    assert not wire["unfurl_links"]
    assert not wire["unfurl_media"]
    return wire


def actions(wire: dict[str, Any]) -> list[str]:
    return [
        one["action_id"]
        for block in wire["blocks"]
        if block["type"] == "actions"
        for one in block["elements"]
    ]


def read(wire: dict[str, Any]) -> Texts:
    return texts({"text": wire["text"], "blocks": wire["blocks"]})


def assert_harmless(wire: dict[str, Any], *fields: str) -> None:
    """Nothing of others is where Slack reads markup; what is theirs is visible, and no link is but ours."""
    found = read(wire)
    assert not [text for text in found.markup if OPENING in text]
    assert not [text for text in found.markup if "<" in text or ">" in text]
    shown = "\n".join(found.literal)
    assert [field for field in fields if mark(field) not in shown] == []
    assert hidden(json.dumps(wire, ensure_ascii=False)) == []
    for block in wire["blocks"]:
        for one in block.get("elements", []) if block["type"] == "actions" else []:
            assert one.get("url", f"{PUBLIC_URL}/").startswith(f"{PUBLIC_URL}/")


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_what_others_wrote_is_literal_everywhere_and_visible(attack: str, kind: BodyKind) -> None:
    held = attacked(attack, kind)
    wire = posted(held, CREATED_AT + 1, attacked_body(attack, kind))
    assert_harmless(wire, *((*OF_REQUEST, *ON_WHOLE_CARDS, *OF_VOTES) if len(attack) < 250 else ("method",)))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_so_it_is_after_the_end_in_threads_lists_windows_and_answers(attack: str) -> None:
    short = len(attack) < 250
    over = attacked(attack, state=State.REJECTED)
    assert_harmless(posted(over, CREATED_AT + 1, b""), *((*OF_REQUEST, *OF_VOTES) if short else ("method",)))
    for kind, state in (
        (EventType.TICKET_REJECTED, State.REJECTED),
        (EventType.TICKET_CANCELLED, State.CANCELLED),
    ):
        told = Posting(kind, attacked(attack, state=state), CREATED_AT)
        assert_harmless(checked(thread_message(told)), "vote-name" if state is State.REJECTED else "end-name")
    held = attacked(attack)
    loaded = Loaded(held, CREATED_AT)
    assert_harmless(checked(listing([loaded] * 8, PUBLIC_URL, more=True)), *(["method"] if short else []))
    view = reject_modal(loaded, Shown.of(held), "C0APPROVALS")
    assert view_problems(view) == []
    assert not [text for text in texts(view).markup if OPENING in text]
    # What the operator's rule says of somebody may hold their name.
    posting = Posting(EventType.TICKET_CREATED, held, CREATED_AT, attacked_body(attack, "json"))
    assert_harmless(checked(with_card(mark("rule") + attack, posting, PUBLIC_URL)), "rule")
    for done in (False, True):
        alarm = Alarm(EventType.BREAKGLASS_USED, attacked_review(attack, done=done), CREATED_AT)
        assert_harmless(checked(alarm_message(alarm, PUBLIC_URL)), "method")


def test_the_check_sees_text_in_the_wrong_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with rows made of markup the same look at the message finds the attack."""
    monkeypatch.setattr(row_blocks_module, "literal", lambda text: {"type": "mrkdwn", "text": text})
    with pytest.raises(AssertionError):
        assert_harmless(posted(attacked(ATTACKS["Slack broadcast"]), body=b""))


def test_what_we_write_ourselves_is_escaped_all_the_same() -> None:
    assert ours("<!channel> & <https://evil.example|x>") == {
        "type": "mrkdwn",
        "text": "&lt;!channel&gt; &amp; &lt;https://evil.example|x&gt;",
        "verbatim": True,
    }


def test_a_new_ticket_says_all_that_is_needed_to_judge_and_asks() -> None:
    held = ticket()
    wire = posted(held)
    found = read(wire)
    code = short_code(held.id)
    for text in (
        f"Approval needed · {code}",
        "DELETE https://api.example/resources/db-orders?force=true",
        "alice (alice-1 of https://idp.example)",
        "delete-production",
        "deletes a production resource",
        "Cluster = prod-eu",
        "content-type: application/json",
        "sre",
        '{\n\u00a0\u00a0"why": "cleanup"\n}',
        "Approve",
        "Reject",
        "Details",
    ):
        assert text in found.literal
    said = "\n".join(found.markup)
    for text in ("0 of 1 approvals", "2023-11-14 22:43:20 UTC", "once, within 15m", "Body: 18 bytes"):
        assert text in said
    assert actions(wire) == [APPROVE, REJECT, DETAILS]
    assert wire["text"] == f"Approval needed · {code}, rule delete-production: {PUBLIC_URL}/tickets/{held.id}"


def test_a_button_carries_the_ticket_and_what_was_shown_and_nothing_else() -> None:
    held = ticket()
    (row,) = [block for block in posted(held)["blocks"] if block["type"] == "actions"]
    values = [one.get("value") for one in row["elements"]]
    assert values == [f"{held.id} {held.draft.fingerprint.payload_digest}"] * 2 + [None]
    assert parse_value(values[0]) == Shown(held.id, held.draft.fingerprint.payload_digest)
    for foreign in ("", held.id, f"{held.id} x", f"x {values[0]}", f"{values[0]} x", "a" * 5000):
        assert parse_value(foreign) is None


def test_a_window_carries_the_same_and_where_to_answer() -> None:
    held = ticket()
    view = reject_modal(Loaded(held, CREATED_AT), Shown.of(held), "C0APPROVALS")
    assert view_problems(view) == []
    assert parse_metadata(str(view["private_metadata"])) == (Shown.of(held), "C0APPROVALS")
    assert parse_metadata("C0APPROVALS") is None


@pytest.mark.parametrize("copied", [False, True])
def test_a_high_risk_and_a_copy_have_no_button_that_decides(copied: bool) -> None:
    risky = ticket(requirement=replace(REQUIREMENT, risk=Risk.HIGH))
    assert actions(posted(risky, copied=copied)) == [DETAILS]
    assert actions(posted(ticket(), copied=True)) == [DETAILS]
    assert actions(posted(ticket())) == [APPROVE, REJECT, DETAILS]


@pytest.mark.parametrize("state", [state for state in State if state is not State.PENDING])
def test_whatever_ended_shows_the_outcome_and_asks_nobody(state: State) -> None:
    held = approved(ticket()) if state is State.APPROVED else ended(ticket(), state)
    wire = posted(held, CREATED_AT + 90_000)
    assert actions(wire) == [DETAILS]
    found = "\n".join([*read(wire).literal, *read(wire).markup])
    for asking in ("Approval needed", "Decide", "Waiting for"):
        assert asking not in found


def test_a_deadline_that_passed_takes_the_buttons_before_redis_says_so() -> None:
    wire = posted(ticket(), CREATED_AT + REQUIREMENT.expires_in_ms)
    assert wire["text"].startswith("Expired: nobody decided in time")
    assert actions(wire) == [DETAILS]


def test_what_a_scope_covers_is_said_in_words() -> None:
    wide = ticket(requirement=replace(REQUIREMENT, scope="kubectl"))
    assert any("Not only this request" in text for text in read(posted(wide)).markup)
    assert not any("Not only this request" in text for text in read(posted(ticket())).markup)


def test_an_unchecked_body_is_called_so() -> None:
    held = ticket(request=replace(REQUEST, body_checked=False))
    assert any("Body not checked" in text for text in read(posted(held)).markup)


@pytest.mark.parametrize("kind", TOLD)
def test_every_event_can_be_told_in_a_thread(kind: EventType) -> None:
    for held in (ticket(), ended(ticket(), State.REJECTED, vote(Choice.REJECT, "bob", "not now"))):
        wire = checked(thread_message(Posting(kind, held, CREATED_AT + 1)))
        assert wire["text"].startswith(f"{short_code(held.id)}: ")
        assert actions(wire) == []


def test_a_rejection_in_a_thread_says_who_and_why() -> None:
    held = ended(ticket(), State.REJECTED, vote(Choice.REJECT, "bob", "not *now*"))
    found = read(checked(thread_message(Posting(EventType.TICKET_REJECTED, held, CREATED_AT))))
    assert "bob (bob-1 of https://idp.example)" in found.literal
    assert "not *now*" in found.literal


@pytest.mark.parametrize("done", [False, True])
def test_a_use_of_break_glass_is_told_and_its_review(done: bool) -> None:
    kind = EventType.BREAKGLASS_REVIEWED if done else EventType.BREAKGLASS_USED
    wire = checked(alarm_message(Alarm(kind, attacked_review("x", done=done), CREATED_AT), PUBLIC_URL))
    assert wire["text"].startswith("Break-glass reviewed" if done else "Break-glass used")
    assert actions(wire) == [DETAILS]


def test_many_tickets_at_once_are_one_message_that_counts() -> None:
    wire = checked(digest_message(Digest(3, 30, CREATED_AT, CREATED_AT + 1), PUBLIC_URL))
    assert wire["text"] == f"3 requests wait for a decision: {PUBLIC_URL}/"
    assert actions(wire) == [DETAILS]


def test_what_fits_nowhere_is_refused() -> None:
    blocks = list(sentence("x").blocks) * 51
    with pytest.raises(DeliveryRefused, match="T1 can't be made to fit into 50 blocks"):
        fitting("x", lambda _limits: blocks, "T1")
    long = list(sentence("x" * 900).blocks) * 10
    with pytest.raises(DeliveryRefused):
        fitting("x", lambda _limits: long, "T1")
