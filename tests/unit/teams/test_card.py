from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import ValidationError

from authz.adapters.cards.rows import CardLimits
from authz.adapters.teams.envelope import MAX_BYTES, envelope
from authz.domain.approver import Approver, ApproverKind
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.requirement import Demand, Risk
from authz.domain.ticket import Choice, Ending, State, Ticket
from authz.domain.token import short_code
from authz.services.ports import DeliveryRefused, Posting
from tests.support.sample_tickets import BODY, CREATED_AT, REQUEST, REQUIREMENT, approved, ended, ticket, vote
from tests.unit.teams.attacked import attacked, attacked_body
from tests.unit.teams.cards import PUBLIC_URL, render, texts, validate


def test_a_new_ticket_says_all_that_is_needed_to_judge() -> None:
    held = ticket()
    message = render(held)
    found = texts(message)
    for text in (
        "DELETE https://api.example/resources/db-orders?force=true",
        "alice (alice-1 of https://idp.example)",
        "delete-production",
        "deletes a production resource",
        "Cluster = prod-eu",
        "content-type: application/json",
        "1 of sre",
    ):
        assert text in found.literal
    for text in (
        f"Approval needed · {short_code(held.id)}",
        "0 of 1 approvals, 1 missing. Decide before 2023-11-14 22:43:20 UTC.",
        "What will run",
        "may run once, within 15m",
        "headers that aren't shown here, and the address that it is sent from",
        f"{held.draft.fingerprint.payload_digest[:16]}…",
        "Review and decide",
    ):
        assert text in found.ours
    assert any(text.startswith("Body: 18 bytes, SHA-256 ") for text in found.ours)
    assert message["summary"] == message["attachments"][0]["content"]["fallbackText"]
    assert held.id in message["summary"]


def test_an_unbound_body_is_called_unchecked() -> None:
    held = ticket(request=replace(REQUEST, body_checked=False))
    assert any(text.startswith("Body not checked: it may differ") for text in texts(render(held)).ours)
    assert not any("not checked" in text for text in texts(render(ticket())).ours)


@pytest.mark.parametrize(
    ("event", "after", "headline"),
    [
        (EventType.TICKET_CREATED, approved(ticket()), "Approved · "),
        (EventType.TICKET_CREATED, ended(ticket(), State.REJECTED), "Rejected · "),
        (EventType.TICKET_CREATED, ended(ticket(), State.EXPIRED), "Expired: nobody decided in time · "),
        (EventType.TICKET_APPROVED, approved(ticket()), "Approved · "),
        (EventType.TICKET_APPROVED, ended(ticket(), State.USED_UP), "Approved and used · "),
        (EventType.TICKET_APPROVED, ended(ticket(), State.LAPSED), "Approved, but not used in time · "),
        (EventType.TICKET_REJECTED, ended(ticket(), State.REJECTED), "Rejected · "),
        (EventType.TICKET_EXPIRED, ended(ticket(), State.EXPIRED), "Expired: nobody decided in time · "),
    ],
)
def test_a_card_says_what_is_true_now_and_asks_nobody_after_the_decision(
    event: EventType, after: Ticket, headline: str
) -> None:
    message = render(after, event, now=CREATED_AT + 90_000)
    found = texts(message)
    assert any(text.startswith(headline) for text in found.ours)
    for asking in ("Approval needed", "Review and decide", "Decide before", "Decide on the page"):
        assert not any(asking in text for text in found.ours)


@pytest.mark.parametrize("event", [EventType.TICKET_CREATED, EventType.TICKET_EXPIRED])
def test_a_deadline_that_passed_ends_the_asking_before_redis_says_so(event: EventType) -> None:
    message = render(ticket(), event, now=CREATED_AT + REQUIREMENT.expires_in_ms)
    assert message["summary"].startswith("Expired: nobody decided in time")
    assert not any("Approval needed" in text for text in texts(message).ours)


def test_who_decided_is_named_with_a_stable_identity_and_the_comment() -> None:
    rejected = ended(ticket(), State.REJECTED, vote(Choice.REJECT, "bob", "not **today**"))
    found = texts(render(rejected, EventType.TICKET_REJECTED))
    assert {"bob (bob-1 of https://idp.example)", "not **today**"} <= {*found.literal}
    assert {"Rejected by", " at 2023-11-14 22:14:20 UTC", ", saying: "} <= {*found.ours}


def test_each_rule_says_whom_it_asks() -> None:
    carol = Approver(ApproverKind.USER, user=Identity("https://idp.example", "carol-1"))
    anybody = Approver(ApproverKind.ANY)
    sre = Approver(ApproverKind.GROUP, "sre", count=2)
    demands = (
        Demand("delete-production", "deletes", ((sre, carol), (anybody,))),
        Demand("on-sunday", "", ((replace(anybody, count=3),),)),
    )
    literal = texts(render(ticket(requirement=replace(REQUIREMENT, demands=demands)))).literal
    assert "2 of sre and carol-1 of https://idp.example; or anybody" in literal
    assert "any 3 people" in literal
    assert "on-sunday" in literal


def test_a_grant_for_more_than_this_request_and_a_high_risk_are_said() -> None:
    terms = replace(REQUIREMENT, scope="kubectl", risk=Risk.HIGH, body_ignores=("/clientToken",))
    warned = texts(render(ticket(requirement=terms)))
    covered = "any request of rule delete-production and scope kubectl by this requester, once, within 15m"
    assert f"Not only this request: an approval is good for {covered}, whatever they hold." in warned.ours
    assert "High risk: a vote needs a strong and recent sign-in." in warned.ours
    assert "The first request" in warned.ours
    assert any(
        text.startswith("everything but the rule, the scope and the requester") for text in warned.ours
    )
    assert "/clientToken" not in warned.literal
    plain = texts(render(ticket()))
    assert not any("Not only" in text or "High risk" in text for text in plain.ours)


def test_the_requesters_own_words_are_literal_and_called_unchecked() -> None:
    held = ticket()
    found = texts(
        render(replace(held, draft=replace(held.draft, justification="see [this](https://evil.example)")))
    )
    assert "see [this](https://evil.example)" in found.literal
    assert "Requester says (unchecked)" in found.ours


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shared": True}, "Nobody in particular, but whoever sends requests as "),
        ({"requester_person": None}, ", who isn't known to the directory: one approval more is needed"),
        (
            {"requester_linked": False},
            ", whose other accounts the directory doesn't know: one approval more is needed",
        ),
    ],
)
def test_a_requester_whom_nobody_can_tell_is_said_to_need_one_approval_more(
    changes: dict[str, Any], said: str
) -> None:
    held = ticket()
    found = texts(render(replace(held, draft=replace(held.draft, **changes))))
    assert said in found.ours
    assert "alice (alice-1 of https://idp.example)" in found.literal
    assert any("one approval more is needed" in text for text in found.ours)
    assert not any("one approval more" in text for text in texts(render(held)).ours)


def test_each_part_that_is_not_bound_is_said_to_differ() -> None:
    pointers = replace(REQUIREMENT, body_ignores=("/clientToken", "/a~1b"))
    found = texts(render(ticket(requirement=pointers)))
    assert {"/clientToken", "/a~1b"} <= {*found.literal}
    assert found.ours.count("in the body, what stands at ") == 2
    unbound = replace(REQUIREMENT, bind_body=False, body_ignores=("/clientToken",))
    held = ticket(requirement=unbound, request=replace(REQUEST, body_checked=False))
    assert "the whole body: any other may be sent" in texts(render(held)).ours
    assert "the whole body: any other may be sent" not in found.ours


def test_what_may_differ_is_marked_in_the_body_itself() -> None:
    body = b'{"why": "cleanup", "clientToken": "b7a0", "steps": [1, 2]}'
    request = replace(REQUEST, body_size=len(body))
    terms = replace(REQUIREMENT, body_ignores=("/why", "/steps/1"))
    [shown] = [
        text
        for text in texts(render(ticket(requirement=terms, request=request), body=body)).literal
        if "{" in text
    ]
    marked = [line.strip() for line in shown.split("\n") if "may differ" in line]
    assert marked == ['"why": "cleanup",  ← may differ when it runs', "2  ← may differ when it runs"]


@pytest.mark.parametrize(
    ("event", "state", "headline", "label"),
    [
        (EventType.TICKET_CANCELLED, State.CANCELLED, "Taken back by the requester · ", "Taken back by"),
        (EventType.GRANT_REVOKED, State.REVOKED, "Approved, then revoked · ", "Revoked by"),
    ],
)
def test_who_took_it_back_is_named_with_the_comment(
    event: EventType, state: State, headline: str, label: str
) -> None:
    ending = Ending(Identity("https://idp.example", "carol-1"), "carol", "carol", "demo", "the **wrong** one")
    found = texts(render(replace(ended(ticket(), state), ending=ending), event))
    assert {"carol (carol-1 of https://idp.example)", "the **wrong** one"} <= {*found.literal}
    assert label in found.ours
    assert any(text.startswith(headline) for text in found.ours)


def test_a_withdrawn_vote_is_followed_up() -> None:
    found = texts(render(ticket(), EventType.VOTE_WITHDRAWN))
    assert "A vote was withdrawn." in found.ours
    assert any(text.startswith("0 of 1 approvals, 1 missing.") for text in found.ours)
    assert "A vote was withdrawn." not in texts(render(ticket(), EventType.TICKET_CREATED)).ours


def test_a_reminder_is_short_and_says_who_is_awaited() -> None:
    found = texts(render(ticket(), EventType.TICKET_REMINDED))
    assert "Reminder: it is still waiting." in found.ours
    assert any("sre" in text for text in found.literal)
    assert not any(text.startswith("Body") for text in found.ours)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_escalation_shows_everything_to_those_who_are_asked_by_it(elsewhere: bool) -> None:
    posting = Posting(
        EventType.TICKET_ESCALATED,
        ticket(),
        CREATED_AT + 1000,
        None if elsewhere else BODY,
        elsewhere=elsewhere,
    )
    found = texts(json.loads(envelope(posting, PUBLIC_URL, CardLimits())))
    assert "Escalated: it has waited for so long that others are asked, too." in found.ours
    assert ("deletes a production resource" in found.literal) is not elsewhere
    assert any(text.startswith("Body") for text in found.ours) is not elsewhere


def test_a_replaced_ticket_names_the_code_of_the_other() -> None:
    other = ticket(2)
    gone = replace(ended(ticket(), State.SUPERSEDED), replaced_by=other.id)
    found = texts(render(gone, EventType.TICKET_SUPERSEDED))
    assert f"The ticket with the code {short_code(other.id)} has taken its place." in found.ours


def test_a_follow_up_is_short() -> None:
    found = texts(render(approved(ticket()), EventType.TICKET_APPROVED))
    assert not any(text.startswith("Body") for text in found.ours)
    assert "deletes a production resource" not in found.literal
    assert "DELETE https://api.example/resources/db-orders?force=true" in found.literal
    assert "once, before 2023-11-14 22:29:20 UTC" in found.ours


def test_secrets_in_query_and_headers_are_masked() -> None:
    request = replace(
        REQUEST,
        query="a=1&access_token=hunter2&b=2",
        headers=(("x-api-key", b"hunter2"), ("x-tenant", b"blue")),
    )
    found = texts(render(ticket(request=request)))
    assert "hunter2" not in json.dumps(found.literal)
    assert any(text.endswith("?a=1&access_token=•••••• (masked)&b=2") for text in found.literal)
    assert "x-tenant: blue" in found.literal


def test_everything_at_its_longest_still_fits_and_says_that_it_was_cut() -> None:
    attack = "\U0001f600" * 20_000
    held = attacked(attack, "text")
    request = replace(held.draft.request, headers=tuple((f"x-{n}", b'"\\' * 4000) for n in range(60)))
    message = render(
        replace(held, draft=replace(held.draft, request=request)), body=attacked_body(attack, "text")
    )
    found = texts(message)
    assert any("[cut, see the page: " in text for text in found.literal)
    assert any("more: see the page." in text for text in found.ours)
    assert any(", cut: see the page" in text for text in found.ours)
    assert "… cut here: see the page." in found.ours


def test_a_card_that_can_not_be_made_small_enough_is_refused_and_not_sent() -> None:
    with pytest.raises(DeliveryRefused, match="smaller than 1000 bytes"):
        envelope(Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT), PUBLIC_URL, CardLimits(), 1000)


def test_an_ordinary_card_is_far_below_the_limit() -> None:
    data = envelope(Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT), PUBLIC_URL, CardLimits())
    assert len(data) < MAX_BYTES // 5


def test_the_schema_refuses_what_is_no_card() -> None:
    """The control of every card's validation."""
    content = render(ticket())["attachments"][0]["content"]
    content["body"].append({"type": "Action.Execute", "verb": "approve"})
    with pytest.raises(ValidationError):
        validate(content)


@pytest.mark.parametrize("copied", [False, True])
def test_a_copy_asks_nobody_to_decide(copied: bool) -> None:
    posting = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT, copied=copied)
    message = json.loads(envelope(posting, PUBLIC_URL, CardLimits()))
    validate(message["attachments"][0]["content"])
    ours = " ".join(texts(message).ours)
    assert ("Decide on the page" in ours, "Review and decide" in ours) == (not copied, not copied)
    assert ("For your information" in ours) is copied
