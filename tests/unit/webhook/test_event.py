from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import orjson
import pytest

from authz.adapters.webhook.event import event_id, review_event, ticket_event
from authz.domain.break_glass import Review
from authz.domain.events import EventType
from authz.domain.identity import Identity, Principal
from authz.domain.ticket import Ending, State, Ticket
from authz.services.ports import Alarm, Posting
from tests.support.requirements import requirement
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import CREATED_AT, REQUEST, approved, ended, ticket, vote
from tests.support.webhook_receiver import BODY_MAX
from tests.unit.teams.attacks import ATTACKS

PUBLIC_URL = "https://holdgate.example"
NAUGHTY = "\U0001f600" * 30_000 + "\u202e\r\n\udcff"


def event(of: Ticket, kind: EventType = EventType.TICKET_CREATED, rev: int = 1) -> dict[str, Any]:
    """Return it as a receiver reads it."""
    posting = Posting(kind, of, CREATED_AT + 1000, b'{"password": "hunter2"}', rev)
    return cast("dict[str, Any]", orjson.loads(orjson.dumps(ticket_event(posting, PUBLIC_URL))))


def test_it_is_a_cloud_event_of_the_catalogue() -> None:
    """CloudEvents 1.0, JSON format, with the version of its data."""
    found = event(ticket())
    assert {name: found[name] for name in ("specversion", "type", "source", "datacontenttype")} == {
        "specversion": "1.0",
        "type": "ticket.created",
        "source": PUBLIC_URL,
        "datacontenttype": "application/json",
    }
    assert found["id"] == f"{ticket().id}/1-ticket-created"
    assert found["subject"] == ticket().id
    assert found["time"] == found["data"]["as_of"] == "2023-11-14T22:13:21Z"
    assert (found["data"]["v"], found["data"]["rev"]) == (1, 1)


def test_its_time_is_when_it_happened_and_not_when_it_is_told() -> None:
    late = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT + 60_000, happened_at=CREATED_AT)
    review = Review(review_draft(), CREATED_AT, CREATED_AT + 1000)
    alarm = Alarm(EventType.BREAKGLASS_USED, review, CREATED_AT + 60_000, happened_at=CREATED_AT)
    for found in (ticket_event(late, PUBLIC_URL), review_event(alarm, PUBLIC_URL)):
        data = cast("dict[str, Any]", found["data"])
        assert (found["time"], data["as_of"]) == ("2023-11-14T22:13:20Z", "2023-11-14T22:14:20Z")


def test_it_says_what_a_program_needs_and_where_to_decide() -> None:
    found = event(ticket())["data"]["ticket"]
    assert found["state"] == "pending"
    assert found["requester"] == {"ns": "https://idp.example", "id": "alice-1", "name": "alice"}
    assert (found["request"]["method"], found["request"]["path"]) == ("DELETE", "/resources/db-orders")
    assert found["rules"][0]["reason"] == "deletes a production resource"
    assert found["progress"]["given"] == 0
    assert found["links"] == {"review": f"{PUBLIC_URL}/tickets/{ticket().id}"}
    assert found["payload_digest"] == ticket().draft.fingerprint.payload_digest


def test_an_approval_says_who() -> None:
    found = event(approved(ticket(), vote(comment="go")), EventType.TICKET_APPROVED, 2)
    assert found["data"]["ticket"]["state"] == "approved"
    [given] = found["data"]["ticket"]["votes"]
    assert (given["choice"], given["by"]["id"], given["comment"]) == ("approve", "bob-1", "go")


def test_what_somebody_took_back_says_who_and_why() -> None:
    ending = Ending(Identity("iss", "alice-1"), "alice", "alice", "page", "wrong cluster")
    found = event(replace(ended(ticket(), State.CANCELLED), ending=ending), EventType.TICKET_CANCELLED)
    assert found["data"]["ticket"]["ended_by"]["comment"] == "wrong cluster"


def test_each_event_has_an_id_of_its_own_that_a_signature_can_hold() -> None:
    """Two revisions of a ticket may have events of one type, and one revision has several types."""
    identifiers = {event_id(kind, ticket().id, rev) for kind in EventType for rev in (1, 2, 30)}
    assert len(identifiers) == 3 * len(EventType)
    assert all(re.fullmatch(r"[a-z0-9/_-]+", identifier) for identifier in identifiers)


def test_neither_the_body_nor_a_secret_in_the_query_is_told() -> None:
    request = replace(REQUEST, query="token=s3cr3t&force=true")
    text = orjson.dumps(event(ticket(request=request))).decode()
    assert "hunter2" not in text
    assert "s3cr3t" not in text
    assert "force=true" in text


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nothing_invisible_is_passed_on(attack: str) -> None:
    """Receivers put these texts into tickets, chats and pages of their own."""
    request = replace(REQUEST, path=f"/{attack}")
    draft = replace(
        ticket(request=request).draft,
        justification=attack,
        requester=Principal(Identity("iss", "x"), attack),
    )
    found = event(replace(ticket(), draft=draft))["data"]["ticket"]
    for text in (found["request"]["path"], found["justification"], found["requester"]["name"]):
        assert not re.search(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text)


def test_an_event_is_bounded_whatever_a_client_sent() -> None:
    shown = tuple((NAUGHTY, NAUGHTY) for _ in range(100))
    request = replace(REQUEST, host=NAUGHTY, path=NAUGHTY, query=NAUGHTY, method=NAUGHTY)
    whole = ticket(request=request, requirement=requirement(reason=NAUGHTY, show=shown))
    somebody = Identity(NAUGHTY, NAUGHTY)
    draft = replace(whole.draft, justification=NAUGHTY, requester=Principal(somebody, NAUGHTY))
    votes = tuple(replace(vote(comment=NAUGHTY, name=NAUGHTY), identity=somebody) for _ in range(100))
    assert len(orjson.dumps(event(replace(whole, draft=draft, votes=votes)))) < BODY_MAX


def test_a_use_of_break_glass_is_told_with_its_review() -> None:
    review = Review(review_draft(), CREATED_AT, CREATED_AT + 1000)
    found = review_event(Alarm(EventType.BREAKGLASS_USED, review, CREATED_AT, 1), PUBLIC_URL)
    assert found["id"] == f"{review.id}/1-breakglass-used"
    told = cast("dict[str, Any]", found["data"])["review"]
    assert told["rule"] == {"rule": "break-glass", "reason": "the database is down"}
    assert told["links"] == {"review": f"{PUBLIC_URL}/break-glass/{review.id}"}
    assert (told["done_at"], told["done_by"]) == (None, None)
    done = replace(
        review,
        done_at=CREATED_AT + 500,
        done_by=Ending(Identity("iss", "carol-1"), "carol", "carol", "page", "was needed"),
    )
    found = review_event(Alarm(EventType.BREAKGLASS_REVIEWED, done, CREATED_AT, 2), PUBLIC_URL)
    told = cast("dict[str, Any]", found["data"])["review"]
    assert told["done_by"]["by"]["name"] == "carol"
