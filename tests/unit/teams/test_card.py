from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import ValidationError

from authz.adapters.teams import card as card_module
from authz.adapters.teams.card import CardLimits
from authz.adapters.teams.elements import own_words
from authz.adapters.teams.envelope import MAX_BYTES, envelope
from authz.domain.approver import Approver, ApproverKind
from authz.domain.events import EventType
from authz.domain.identity import Identity, Principal
from authz.domain.requirement import Demand, Risk
from authz.domain.ticket import Choice, Ending, State, Ticket
from authz.domain.token import short_code
from authz.services.ports import DeliveryRefused, Posting
from tests.support.sample_tickets import CREATED_AT, REQUEST, REQUIREMENT, approved, ended, ticket, vote
from tests.unit.teams.attacks import ATTACKS
from tests.unit.teams.cards import PUBLIC_URL, render, texts, validate
from tests.unit.teams.test_text import hidden

MARK = "⟪UNTRUSTED⟫"


def body_of(attack: str) -> bytes:
    return (MARK + attack).encode("utf-8", "replace")


def attacked(attack: str) -> Ticket:
    """Return a ticket that carries `attack` in every place that somebody else fills."""
    text = MARK + attack
    request = replace(
        REQUEST,
        method=text,
        scheme=text,
        host=text,
        path=text,
        query=text,
        headers=((text, text.encode("utf-8", "surrogatepass")), ("x-note", text.encode("utf-8", "replace"))),
        body_size=len(body_of(attack)),
    )
    requirement = replace(
        REQUIREMENT,
        demands=(Demand("delete-production", text, ((Approver(ApproverKind.GROUP, text, count=2),),)),),
        show=tuple((text, text) for _ in range(10)),
        body_ignores=(text,),
    )
    base = ticket(request=request, requirement=requirement)
    requester = Principal(Identity(text, text), text)
    votes = tuple(
        replace(
            vote(comment=text), name=text, person=f"p{number}", identity=Identity(text, text), groups=(text,)
        )
        for number in range(20)
    )
    draft = replace(base.draft, requester=requester, justification=text)
    ending = Ending(Identity(text, text), text, "", "demo", text)
    return replace(base, draft=draft, votes=votes, ending=ending)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
@pytest.mark.parametrize("state", [State.PENDING, State.REJECTED])
def test_what_others_wrote_is_literal_everywhere_and_visible(attack: str, state: State) -> None:
    held = replace(attacked(attack), state=state)
    message = render(held, now=CREATED_AT + 1, body=body_of(attack))
    found = texts(message)
    assert not [text for text in found.ours if MARK in text]
    assert [text for text in found.literal if MARK in text]
    raw = json.dumps(message, ensure_ascii=False)
    assert "{{" not in json.dumps([*found.literal, *found.ours])
    assert hidden(raw) == []
    urls = [action["url"] for action in message["attachments"][0]["content"]["actions"]]
    assert urls == [f"{PUBLIC_URL}/tickets/{held.id}"]


def test_the_check_sees_text_in_the_wrong_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with rows made of Markdown blocks the same look at the card finds the attack."""
    monkeypatch.setattr(card_module, "row", lambda label, shown: own_words(f"{label}: {shown}"))
    attack = "[APPROVED](https://evil.example)"
    found = texts(render(attacked(attack), body=body_of(attack)))
    assert [text for text in found.ours if MARK in text]


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
        "sre",
    ):
        assert text in found.literal
    for text in (
        f"Approval needed · {short_code(held.id)}",
        "0 of 1",
        "2023-11-14 22:43:20 UTC",
        "once, within 15m",
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
    line = "bob (bob-1 of https://idp.example) at 2023-11-14 22:14:20 UTC, saying: not **today**"
    assert line in found.literal
    assert "Rejected by: " in found.ours


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


def test_a_grant_for_more_than_this_request_a_high_risk_and_what_may_differ_are_said() -> None:
    terms = replace(REQUIREMENT, scope="kubectl", risk=Risk.HIGH, body_ignores=("/clientToken",))
    warned = texts(render(ticket(requirement=terms)))
    covered = "any request of rule delete-production and scope kubectl by this requester"
    assert f"Not only this request: an approval is good for {covered}." in warned.ours
    assert "High risk: a vote needs a strong and recent sign-in." in warned.ours
    assert "/clientToken" in warned.literal
    plain = texts(render(ticket()))
    assert not any("Not only" in text or "High risk" in text for text in plain.ours)


def test_the_requesters_own_words_are_literal_and_called_unchecked() -> None:
    held = ticket()
    found = texts(
        render(replace(held, draft=replace(held.draft, justification="see [this](https://evil.example)")))
    )
    assert "see [this](https://evil.example)" in found.literal
    assert "The requester says (unchecked): " in found.ours


def test_a_shared_requester_is_nobody_in_particular() -> None:
    held = ticket()
    found = texts(render(replace(held, draft=replace(held.draft, shared=True))))
    assert "nobody in particular: alice (alice-1 of https://idp.example)" in found.literal


@pytest.mark.parametrize(
    ("event", "state", "headline", "label"),
    [
        (EventType.TICKET_CANCELLED, State.CANCELLED, "Taken back by the requester · ", "Taken back by: "),
        (EventType.GRANT_REVOKED, State.REVOKED, "Approved, then revoked · ", "Revoked by: "),
    ],
)
def test_who_took_it_back_is_named_with_the_comment(
    event: EventType, state: State, headline: str, label: str
) -> None:
    ending = Ending(Identity("https://idp.example", "carol-1"), "carol", "carol", "demo", "the **wrong** one")
    found = texts(render(replace(ended(ticket(), state), ending=ending), event))
    assert "carol (carol-1 of https://idp.example), saying: the **wrong** one" in found.literal
    assert label in found.ours
    assert any(text.startswith(headline) for text in found.ours)


def test_a_withdrawn_vote_is_followed_up() -> None:
    found = texts(render(ticket(), EventType.VOTE_WITHDRAWN))
    assert "A vote was withdrawn." in found.ours
    assert "0 of 1" in found.ours
    assert "A vote was withdrawn." not in texts(render(ticket(), EventType.TICKET_CREATED)).ours


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
    held = attacked(attack)
    request = replace(held.draft.request, headers=tuple((f"x-{n}", b'"\\' * 4000) for n in range(60)))
    message = render(replace(held, draft=replace(held.draft, request=request)), body=body_of(attack))
    found = texts(message)
    assert any("[cut, see the page: " in text for text in found.literal)
    assert any("more: see the page." in text for text in found.ours)
    assert any(", cut here: see the page" in text for text in found.ours)


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
