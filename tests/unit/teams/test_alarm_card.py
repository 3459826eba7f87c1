from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from authz.adapters.cards.rows import CardLimits
from authz.adapters.teams.envelope import alarm_envelope
from authz.domain.break_glass import BreakGlass, Review, ReviewDraft
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.ticket import Ending
from authz.services.ports import Alarm, DeliveryRefused
from tests.support.sample_tickets import CREATED_AT, ticket
from tests.unit.teams.cards import PUBLIC_URL, texts, validate

HOSTILE = "**bold** [click](https://evil.example) {{DATE(2020-01-01)}} \u202e"


def review(**changes: object) -> Review:
    """A use of break-glass, with somebody else's text wherever there may be some."""
    held = ticket().draft
    terms = BreakGlass(
        "oncall", 3_600_000, "break-glass", HOSTILE, ("default",), (), (("Incident", f"INC-7 {HOSTILE}"),)
    )
    who = replace(held.requester, name=HOSTILE)
    draft = ReviewDraft(held.id, who, "alice", terms, held.request, "d" * 64, justification=HOSTILE)
    return replace(Review(draft, CREATED_AT, CREATED_AT + 3_600_000), **changes)  # type: ignore[arg-type]


def rendered(what: Review) -> dict[str, Any]:
    kind = EventType.BREAKGLASS_USED if what.done_at is None else EventType.BREAKGLASS_REVIEWED
    message: dict[str, Any] = json.loads(
        alarm_envelope(Alarm(kind, what, CREATED_AT), PUBLIC_URL, CardLimits())
    )
    validate(message["attachments"][0]["content"])
    return message


def test_it_says_who_did_what_and_until_when_it_is_reviewed() -> None:
    shown = texts(rendered(review()))
    said = " ".join((*shown.literal, *shown.ours))
    request = review().draft.request
    for words in (
        "Break-glass used",
        request.method,
        request.host,
        "Review before",
        "alice",
        "Incident = INC-7",
    ):
        assert words in said


@pytest.mark.parametrize("done_at", [None, CREATED_AT + 1])
def test_its_only_button_opens_the_review(done_at: int | None) -> None:
    [action] = rendered(review(done_at=done_at))["attachments"][0]["content"]["actions"]
    assert (action["type"], action["url"]) == (
        "Action.OpenUrl",
        f"{PUBLIC_URL}/break-glass/{review().id}",
    )


def test_others_text_is_never_read_as_markdown() -> None:
    shown = texts(rendered(review()))
    assert any("**bold**" in text for text in shown.literal)
    assert not any("bold" in text or "evil" in text for text in shown.ours)
    assert not any("{{" in text or "\u202e" in text for text in (*shown.literal, *shown.ours))


def test_once_it_is_reviewed_it_says_by_whom() -> None:
    done = Ending(Identity("idp", "bob"), "bob", "bob", "demo", HOSTILE)
    shown = texts(rendered(review(done_at=CREATED_AT + 1, done_by=done)))
    said = " ".join((*shown.literal, *shown.ours))
    assert "Break-glass reviewed" in said
    assert "bob of idp" in said
    assert "Review before" not in said


def test_one_that_cant_be_made_small_enough_is_refused() -> None:
    alarm = Alarm(EventType.BREAKGLASS_USED, review(), CREATED_AT)
    with pytest.raises(DeliveryRefused, match="can't be made smaller"):
        alarm_envelope(alarm, PUBLIC_URL, CardLimits(), 100)
