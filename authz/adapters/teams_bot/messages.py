"""The messages that the bot posts: one card each, below the size at which Teams refuses it, or a short line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from authz.adapters.cards.wording import approvals, headline, moment, summary, ticket_link
from authz.adapters.teams.actions import BotCard
from authz.adapters.teams.alarm_card import alarm_card
from authz.adapters.teams.card import CardLimits
from authz.adapters.teams.digest_card import digest_card
from authz.adapters.teams.elements import AdaptiveCard
from authz.adapters.teams.envelope import CARD_CONTENT_TYPE, MAX_BYTES, shrunk
from authz.adapters.teams_bot.card import CardTerms, outcome_card, ticket_card
from authz.domain.events import EventType
from authz.domain.ticket import State
from authz.services.digest import Digest
from authz.services.ports import Alarm, Posting

Message: TypeAlias = Mapping[str, object]
"""A Bot Framework activity of type `message`, without whom it is from and where it goes."""


def ticket_message(posting: Posting, terms: CardTerms) -> Message:
    """Return the message with a ticket's card. Raises DeliveryRefused when it can't be made small enough."""
    return shrunk(
        lambda limits: card_message(ticket_card(posting, terms, limits)),
        CardLimits(),
        MAX_BYTES,
        posting.ticket.id,
    )


def outcome_message(posting: Posting, terms: CardTerms) -> Message:
    """Return the message for somebody who is told how their request stands. Raises DeliveryRefused."""
    return shrunk(
        lambda limits: card_message(outcome_card(posting, terms, limits)),
        CardLimits(),
        MAX_BYTES,
        posting.ticket.id,
    )


def alarm_message(alarm: Alarm, terms: CardTerms) -> Message:
    """Return the message of a use of break-glass. Raises DeliveryRefused."""
    return shrunk(
        lambda limits: card_message(alarm_card(alarm, terms.public_url, limits)),
        CardLimits(),
        MAX_BYTES,
        alarm.review.id,
    )


def digest_message(digest: Digest, terms: CardTerms) -> Message:
    """Return the message that counts tickets which get no card of their own."""
    return card_message(digest_card(digest, terms.public_url))


def answered_card(posting: Posting, terms: CardTerms, note: str) -> BotCard:
    """Return the card that answers a press, as small as a message's has to be. Raises DeliveryRefused."""
    return shrunk(
        lambda limits: ticket_card(posting, terms, limits, note=note),
        CardLimits(),
        MAX_BYTES,
        posting.ticket.id,
    )


def told_below(posting: Posting, terms: CardTerms) -> Message:
    """Return a line that says in our own words what happened, to stand below a card."""
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    link = ticket_link(terms.public_url, ticket)
    if state is not State.PENDING:
        return line(summary(ticket, state, link))
    given = approvals(ticket)
    missing = f"{given.given} of {given.needed} approvals, decide before {moment(ticket.expires_at)}"
    asked = "More people are asked" if posting.type is EventType.TICKET_ESCALATED else "Still waiting"
    return line(f"{asked}: {headline(ticket, state)}: {missing}: {link}")


def line(text: str) -> Message:
    """Return a message of plain text, which has to be in our own words: Teams makes links of what looks like one."""
    return {"type": "message", "textFormat": "plain", "text": text}


def card_message(content: BotCard | AdaptiveCard) -> Message:
    """Return the message with one card. `summary` is what a notification shows."""
    attachment = {"contentType": CARD_CONTENT_TYPE, "content": content}
    return {"type": "message", "summary": content["fallbackText"], "attachments": [attachment]}
