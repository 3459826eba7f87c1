from __future__ import annotations

from dataclasses import replace

import pytest

from authz.adapters.teams.actions import mention
from authz.adapters.teams.card import CardLimits
from authz.adapters.teams_bot import card as card_module
from authz.domain.identity import Identity, Person
from authz.domain.requirement import Risk
from authz.domain.ticket import Choice, State
from authz.domain.token import short_code
from tests.support.sample_tickets import REQUEST, REQUIREMENT, approved, ended, ticket, vote
from tests.unit.teams.attacked import attacked, attacked_body
from tests.unit.teams.attacks import ATTACKS
from tests.unit.teams_bot.cards import TENANT, TERMS, executes, posting, rendered, words

HIGH = replace(REQUIREMENT, risk=Risk.HIGH)
BOB = Person("bob", "Bob", frozenset({"sre"}), "opa", accounts=(Identity(TENANT, "oid-bob"),))
LINK = f"https://holdgate.example/tickets/{ticket().id}"


def test_a_pending_card_has_approve_reject_with_a_reason_and_the_page() -> None:
    card = rendered(posting(ticket()))
    approve, reject, details = card["actions"]
    assert (approve["type"], approve["verb"], approve["associatedInputs"]) == (
        "Action.Execute",
        "approve",
        "none",
    )
    assert (details["type"], details["url"]) == ("Action.OpenUrl", LINK)
    assert reject["type"] == "Action.ShowCard"
    (reason,) = reject["card"]["body"]
    assert (reason["type"], reason["isRequired"], reason["maxLength"]) == ("Input.Text", True, 500)
    (sent,) = reject["card"]["actions"]
    assert (sent["type"], sent["verb"], sent["style"]) == ("Action.Execute", "reject", "destructive")


def test_a_button_carries_the_ticket_and_the_shown_digest_alone() -> None:
    one = ticket()
    for button in executes(rendered(posting(one))):
        assert button["data"] == {"ticket": one.id, "digest": one.draft.fingerprint.payload_digest}


def test_where_a_button_is_not_known_the_page_takes_its_place() -> None:
    for button in executes(rendered(posting(ticket()))):
        assert button["fallback"] == {"type": "Action.OpenUrl", "title": "Decide on the page", "url": LINK}


def test_nothing_decides_or_asks_by_itself() -> None:
    assert "refresh" not in rendered(posting(ticket()))


def test_a_high_risk_has_only_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    high = posting(ticket(requirement=HIGH))
    assert [action["type"] for action in rendered(high)["actions"]] == ["Action.OpenUrl"]
    assert not list(executes(rendered(high)))
    monkeypatch.setattr(card_module, "decided_here", lambda _posting: True)
    assert list(executes(rendered(high)))


def test_people_who_are_only_told_get_no_button_that_decides() -> None:
    assert not list(executes(rendered(posting(ticket(), copied=True))))


@pytest.mark.parametrize(
    "ended_ticket",
    [
        approved(ticket(), vote(comment="looks right")),
        *(ended(ticket(), state, vote(Choice.REJECT)) for state in State if not state.live),
    ],
    ids=lambda one: one.state.value,
)
def test_an_ended_card_says_the_outcome_and_has_no_button_that_decides(ended_ticket: object) -> None:
    assert isinstance(ended_ticket, type(ticket()))
    card = rendered(posting(ended_ticket, body=None))
    assert not list(executes(card))
    assert "Approval needed" not in words(card)
    assert short_code(ended_ticket.id) in words(card)
    assert "bob" in words(card)


def test_a_card_past_its_deadline_has_no_buttons_though_nobody_stored_the_end_yet() -> None:
    late = ticket()
    assert not list(executes(rendered(posting(late, now=late.expires_at, body=None))))


def test_designated_people_are_mentioned_as_long_as_they_are_asked() -> None:
    card = rendered(posting(ticket(), designated=(BOB,)))
    assert card["msteams"]["entities"] == [
        {"type": "mention", "text": "<at>Bob</at>", "mentioned": {"id": "oid-bob", "name": "Bob"}}
    ]
    assert "Asked by name: <at>Bob</at>" in words(card)
    over = rendered(posting(approved(ticket()), designated=(BOB,), body=None))
    assert "entities" not in over["msteams"]


def test_nobody_is_mentioned_where_people_are_only_told() -> None:
    assert "entities" not in rendered(posting(ticket(), designated=(BOB,), copied=True))["msteams"]


def test_nobody_is_mentioned_by_an_account_of_another_tenant() -> None:
    stranger = replace(BOB, accounts=(Identity("another-tenant", "oid-bob"),))
    assert "entities" not in rendered(posting(ticket(), designated=(stranger,)))["msteams"]


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_name_brings_no_markup_into_a_mention(attack: str) -> None:
    made = mention("oid", attack)
    inside = made["text"].removeprefix("<at>").removesuffix("</at>")
    assert inside == made["mentioned"]["name"]
    assert inside
    assert all(character.isalnum() or character in " -'" for character in inside)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_others_words_stay_words_in_the_card_with_buttons(attack: str) -> None:
    one = attacked(attack)
    pending = replace(one, state=State.PENDING, votes=one.votes[:1], ending=None, replaced_by="")
    card = rendered(posting(pending, body=attacked_body(attack, "json")))
    assert all(button["verb"] in {"approve", "reject"} for button in executes(card))
    assert not any("⟪" in text for text in _read_as_markdown(card))


def test_a_huge_request_is_cut_visibly_and_keeps_its_buttons() -> None:
    request = replace(
        REQUEST, path="/" + "ä" * 8000, headers=tuple((f"x-{n}", b"v" * 900) for n in range(40))
    )
    requirement = replace(REQUIREMENT, show=tuple((f"t{n}", "w" * 900) for n in range(20)))
    card = rendered(posting(ticket(request=request, requirement=requirement)))
    assert "more characters]" in words(card)
    assert len(list(executes(card))) == 2


def test_a_note_to_who_pressed_stands_first() -> None:
    card = card_module.ticket_card(posting(ticket()), TERMS, CardLimits(), note="Your approval was recorded.")
    assert "Your approval was recorded." in words({"first": card["body"][0]})


def _read_as_markdown(node: object) -> list[str]:
    match node:
        case {"type": "TextRun"}:
            return []
        case dict():
            return [text for value in node.values() for text in _read_as_markdown(value)]
        case list():
            return [text for value in node for text in _read_as_markdown(value)]
        case str():
            return [node]
        case _:
            return []


def test_a_card_that_is_not_changed_at_each_use_does_not_say_that_nothing_ran() -> None:
    several = approved(ticket(requirement=replace(REQUIREMENT, uses=3)))
    assert "Nothing has run yet" not in words(rendered(posting(several, body=None)))
    assert "Nothing has run yet" in words(rendered(posting(approved(ticket()), body=None)))
