"""The card of a ticket as the bot posts it: with buttons while it can be decided here, with the outcome afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from authz.adapters.teams.elements import Element, box, own_words
from authz.domain.identity import Person
from authz.domain.requirement import Risk
from authz.domain.ticket import State, Ticket
from authz.domain.token import short_code
from authz.services.card_ports import PLACES_MAX
from authz.services.ports import Posting


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
    """Return what is true of the ticket now. `note` is a sentence of ours to whom it is answered, on top."""
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    link = ticket_link(terms.public_url, ticket)
    mentions = _mentions(posting, terms.tenant) if state is State.PENDING else []
    body: list[Element] = [
        *([box("accent", own_words(note))] if note else []),
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


def accounts_of(person: Person, tenant: str) -> list[str]:
    """Return the object ids of somebody's accounts in this tenant."""
    return [account.id for account in person.accounts if account.ns == tenant]


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
