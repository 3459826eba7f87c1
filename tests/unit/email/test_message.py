from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from authz.adapters.email import summary
from authz.adapters.email.message import mail
from authz.adapters.email.summary import alarm_subject, alarm_text, ticket_subject, ticket_text
from authz.domain.break_glass import Review
from authz.domain.events import EventType
from authz.domain.identity import Identity, Principal
from authz.domain.ticket import Choice, Ending, State, Ticket
from authz.services.ports import Alarm, Posting
from tests.support.requirements import requirement
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import CREATED_AT, REQUEST, approved, ended, ticket, vote
from tests.unit.teams.attacks import ATTACKS

PUBLIC_URL = "https://holdgate.example"
INJECTIONS = (
    "\r\nBcc: mallory@evil.example",
    "\n.\nMAIL FROM:<x>",
    "\rDecide before: never",
    "\u2028Code: X",
)


def text(of: Ticket, kind: EventType = EventType.TICKET_CREATED) -> str:
    return ticket_text(Posting(kind, of, CREATED_AT + 1000), PUBLIC_URL)


def read(kind: EventType, rev: int, words: str = "x") -> EmailMessage:
    """Return a mail as a mail program reads it."""
    made = mail(
        kind,
        ticket().id,
        rev,
        sender="gate@holdgate.example",
        recipients=["alice@people.example", "bob@people.example"],
        subject=ticket_subject(Posting(kind, ticket(), CREATED_AT)),
        text=words,
        now=CREATED_AT,
    )
    found = message_from_bytes(made.as_bytes(), policy=default)
    assert isinstance(found, EmailMessage)
    return found


def hostile(words: str) -> Ticket:
    """Return a ticket in which everybody but us says these words."""
    request = replace(REQUEST, host=words, path=f"/{words}", query=words)
    whole = ticket(request=request, requirement=requirement(reason=words, show=((words, words),)))
    somebody = Principal(Identity(words, words), words)
    draft = replace(whole.draft, justification=words, requester=somebody)
    spoken = replace(vote(comment=words, name=words), identity=somebody.identity)
    ending = Ending(somebody.identity, words, "", "page", words)
    return replace(whole, draft=draft, votes=(spoken,), ending=ending)


def test_the_link_stands_before_any_word_of_others() -> None:
    found = text(ticket())
    assert found.index(f"{PUBLIC_URL}/tickets/{ticket().id}") < found.index("Request: DELETE")
    assert found.startswith("Approval needed · ")
    for line in (
        "Reason: deletes a production resource",
        "From the policy: Cluster = prod-eu",
        "Requester: alice",
    ):
        assert line in found


def test_an_outcome_says_who_and_why() -> None:
    found = text(approved(ticket(), vote(comment="go")), EventType.TICKET_APPROVED)
    assert found.startswith("Approved · ")
    assert "Approved by: bob (bob-1 of https[:]//idp.example)" in found
    assert "saying: go" in found
    refused = ended(ticket(), State.REJECTED, vote(Choice.REJECT, comment="no"))
    assert "Rejected by: bob" in text(refused, EventType.TICKET_REJECTED)


@pytest.mark.parametrize("words", [*ATTACKS.values(), *INJECTIONS], ids=repr)
def test_nobody_elses_words_make_a_line_a_header_or_a_link(words: str) -> None:
    of = hostile(words)
    plain = text(of)
    usual = text(hostile("words"))
    assert [line.partition(":")[0] for line in plain.splitlines() if ": " in line] == [
        line.partition(":")[0] for line in usual.splitlines() if ": " in line
    ]
    assert [line for line in plain.split() if "://" in line] == [f"{PUBLIC_URL}/tickets/{of.id}"]
    assert ticket_subject(Posting(EventType.TICKET_CREATED, of, CREATED_AT)) == ticket_subject(
        Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT)
    )


def test_unshown_words_would_make_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: it is `one_line` that keeps them in."""
    monkeypatch.setattr(summary, "one_line", lambda words, _limit: words)
    assert "\nBcc: mallory" in text(hostile(INJECTIONS[0]))


@pytest.mark.parametrize(
    ("kind", "first", "says"),
    [
        (EventType.TICKET_REMINDED, "Reminder: ", "Reminder: it is still waiting."),
        (EventType.TICKET_ESCALATED, "Escalated: ", "Escalated: it has waited for so long"),
    ],
)
def test_a_reminder_and_an_escalation_say_that_they_are(kind: EventType, first: str, says: str) -> None:
    subject = ticket_subject(Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT))
    assert ticket_subject(Posting(kind, ticket(), CREATED_AT)) == first + subject
    found = text(ticket(), kind)
    assert says in found
    assert "Waiting for: " in found
    over = approved(ticket())
    assert ticket_subject(Posting(kind, over, CREATED_AT + 1)).startswith("Approved")
    assert says not in text(over, kind)


def test_secrets_in_the_query_are_masked() -> None:
    found = text(ticket(request=replace(REQUEST, query="password=hunter2")))
    assert "hunter2" not in found


def test_the_headers_are_ours_alone() -> None:
    first = read(EventType.TICKET_CREATED, 1)
    assert first["From"] == "Holdgate <gate@holdgate.example>"
    assert first["To"] == "alice@people.example, bob@people.example"
    assert first["Subject"].startswith("Approval needed · ")
    assert first["Auto-Submitted"] == "auto-generated"
    assert first.get_content_type() == "text/plain"
    assert first["In-Reply-To"] is None


def test_what_comes_later_answers_the_first_mail_of_its_ticket() -> None:
    first, later = read(EventType.TICKET_CREATED, 1), read(EventType.TICKET_APPROVED, 2)
    assert later["In-Reply-To"] == later["References"] == first["Message-ID"]
    assert later["Message-ID"] != first["Message-ID"]
    assert later["Message-ID"] == read(EventType.TICKET_APPROVED, 2)["Message-ID"]
    review = read(EventType.BREAKGLASS_REVIEWED, 2)
    assert review["In-Reply-To"] == read(EventType.BREAKGLASS_USED, 1)["Message-ID"]


def test_a_broken_glass_is_told_with_its_review() -> None:
    review = Review(review_draft(), CREATED_AT, CREATED_AT + 1000)
    alarm = Alarm(EventType.BREAKGLASS_USED, review, CREATED_AT)
    assert alarm_subject(alarm).startswith("Break-glass used · ")
    assert "The requester says (unchecked): paged at three" in alarm_text(alarm, PUBLIC_URL)
    assert f"{PUBLIC_URL}/break-glass/{review.id}" in alarm_text(alarm, PUBLIC_URL)
    by = Ending(Identity("iss", "carol-1"), "carol", "carol", "page", "was needed")
    done = Alarm(EventType.BREAKGLASS_REVIEWED, replace(review, done_at=CREATED_AT, done_by=by), CREATED_AT)
    assert alarm_subject(done).startswith("Break-glass reviewed · ")
    assert "Reviewed by: carol (carol-1 of iss), saying: was needed" in alarm_text(done, PUBLIC_URL)


@pytest.mark.parametrize("copied", [False, True])
def test_a_copy_asks_nobody_to_decide(copied: bool) -> None:
    posting = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT, copied=copied)
    found = ticket_text(posting, PUBLIC_URL)
    assert ("Decide on the page" in found, "For your information" in found) == (not copied, copied)
