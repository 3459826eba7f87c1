"""The card of a ticket as the bot posts it: with buttons while it can be decided here, with the outcome afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from authz.adapters.cards.text import one_line
from authz.adapters.cards.wording import summary, ticket_link
from authz.adapters.teams.actions import (
    Action,
    BotCard,
    Mention,
    Shown,
    bot_card,
    deciding_actions,
    mention,
    open_url,
)
from authz.adapters.teams.card import CardLimits, ticket_body
from authz.adapters.teams.elements import Element, RichTextBlock, TextRun, box, breakable, own_words
from authz.domain.identity import Person
from authz.domain.requirement import Risk
from authz.domain.ticket import State, Ticket
from authz.domain.token import short_code
from authz.services.card_ports import PLACES_MAX
from authz.services.ports import Posting

SENTENCE_MAX: Final = 500
_ENTRY_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class CardTerms:
    """`public_url` is where people reach the console, `tenant` whose accounts are mentioned."""

    public_url: str
    tenant: str


def decided_here(posting: Posting) -> bool:
    """Say whether a card has buttons that decide: never for a high risk, and not where people are only told."""
    ticket = posting.ticket
    pending = ticket.state_at(posting.now) is State.PENDING
    return pending and not posting.copied and ticket.draft.requirement.risk is not Risk.HIGH


def ticket_card(posting: Posting, terms: CardTerms, limits: CardLimits, *, note: str = "") -> BotCard:
    """Return what is true of the ticket now. `note` is a sentence on top for one who pressed, maybe the policy's."""
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    link = ticket_link(terms.public_url, ticket)
    asked = state is State.PENDING and not posting.copied
    mentions = _mentions(posting, terms.tenant) if asked else []
    body: list[Element] = [
        *([box("accent", _run(breakable(one_line(note, SENTENCE_MAX))))] if note else []),
        *ticket_body(posting, limits, whole=state is State.PENDING),
        *_asked_by_name(mentions),
        *_hint(posting, state),
    ]
    return bot_card(summary(ticket, state, link), body, _actions(posting, link), mentions)


def outcome_card(posting: Posting, terms: CardTerms, limits: CardLimits) -> BotCard:
    """Return a short card without a button that decides, for somebody who is only told."""
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    link = ticket_link(terms.public_url, ticket)
    body = ticket_body(posting, limits, whole=False)
    return bot_card(summary(ticket, state, link), body, [open_url("Open the ticket", link)])


def listing_card(sentence: str, entries: Sequence[tuple[str, str]] = (), page: str = "") -> BotCard:
    """Return a card with a sentence, and entries of a code and somebody else's words.

    `page` is an address that a button opens; without one there is no button.
    """
    rows: list[Element] = [_entry(code, words) for code, words in entries]
    actions: list[Action] = [open_url("Open the page", page)] if page else []
    return bot_card(one_line(sentence, SENTENCE_MAX), [_said(sentence), *rows], actions)


def accounts_of(person: Person, tenant: str) -> list[str]:
    """Return the object ids of somebody's accounts in this tenant."""
    return [account.id for account in person.accounts if account.ns == tenant]


def _said(sentence: str) -> RichTextBlock:
    """Return a sentence without breaks: an id in it is there to be copied."""
    return _run(one_line(sentence, SENTENCE_MAX))


def _run(text: str) -> RichTextBlock:
    return RichTextBlock(type="RichTextBlock", inlines=[TextRun(type="TextRun", text=text)])


def _entry(code: str, words: str) -> RichTextBlock:
    inlines = [
        TextRun(type="TextRun", text=f"{code}  ", weight="Bolder"),
        TextRun(type="TextRun", text=breakable(one_line(words, _ENTRY_MAX)), fontType="Monospace"),
    ]
    return RichTextBlock(type="RichTextBlock", inlines=inlines, spacing="Small")


def _actions(posting: Posting, link: str) -> list[Action]:
    ticket = posting.ticket
    if decided_here(posting):
        return deciding_actions(_shown(ticket), link)
    asked = ticket.state_at(posting.now) is State.PENDING and not posting.copied
    return [open_url("Review and decide" if asked else "Open the ticket", link)]


def _shown(ticket: Ticket) -> Shown:
    return Shown(ticket=ticket.id, digest=ticket.draft.fingerprint.payload_digest)


def _hint(posting: Posting, state: State) -> list[Element]:
    if state is not State.PENDING or posting.copied:
        return []
    code = short_code(posting.ticket.id)
    if decided_here(posting):
        words = f"A button decides on exactly what this card shows. The page shows the code {code}, too."
    else:
        words = f"Decide on the page, and only if it shows the code {code} too."
    return [own_words(words, subtle=True)]


def _mentions(posting: Posting, tenant: str) -> list[Mention]:
    found = [
        mention(account, person.name)
        for person in posting.designated
        for account in accounts_of(person, tenant)[:1]
    ]
    return found[:PLACES_MAX]


def _asked_by_name(mentions: Sequence[Mention]) -> list[Element]:
    """Return the line that the mentions stand in: Teams tells whom it names."""
    if not mentions:
        return []
    return [own_words("Asked by name: " + ", ".join(one["text"] for one in mentions))]
