"""The card of a ticket: what will really run, who asks, why, and until when; after that, how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from authz.adapters.cards.body_excerpt import excerpt
from authz.adapters.cards.demand_words import HIGH_RISK, demand_in_words, scope_in_words
from authz.adapters.cards.secrets import MASK, mask_pairs
from authz.adapters.cards.text import one_line
from authz.adapters.cards.wording import (
    FOR_INFORMATION,
    approvals,
    facts,
    headline,
    moment,
    summary,
    ticket_link,
)
from authz.adapters.teams.elements import (
    AdaptiveCard,
    ContainerStyle,
    Element,
    RichTextBlock,
    block,
    box,
    card,
    fact_set,
    own_words,
    row,
)
from authz.domain.events import EventType
from authz.domain.identity import Principal
from authz.domain.requirement import Demand, Risk
from authz.domain.secrecy import is_secret
from authz.domain.ticket import Choice, State, Ticket, Vote
from authz.domain.token import short_code
from authz.services.ports import Posting

_STYLES: dict[State, ContainerStyle] = {
    State.PENDING: "warning",
    State.APPROVED: "good",
    State.REJECTED: "attention",
    State.EXPIRED: "emphasis",
    State.USED_UP: "good",
    State.LAPSED: "emphasis",
    State.CANCELLED: "emphasis",
    State.SUPERSEDED: "emphasis",
    State.REVOKED: "attention",
}
_ENDED = {State.CANCELLED: "Taken back by", State.REVOKED: "Revoked by"}
_VERBS = {Choice.APPROVE: "Approved by", Choice.REJECT: "Rejected by"}


@dataclass(frozen=True, slots=True)
class CardLimits:
    """Characters of each kind of untrusted text, and how many lines of the kinds that repeat."""

    target: int = 1500
    sentence: int = 500
    name: int = 120
    body: int = 4000
    lines: int = 20

    def smaller(self, divisor: int) -> CardLimits:
        """Return the same limits divided, for a card that came out too large."""
        return CardLimits(
            self.target // divisor,
            self.sentence // divisor,
            self.name // divisor,
            self.body // divisor,
            max(3, self.lines // divisor),
        )


def ticket_card(posting: Posting, public_url: str, limits: CardLimits) -> AdaptiveCard:
    """Return the card for one event, saying the state of now whatever the event was.

    A created ticket gets the whole card; what comes later gets a short one that follows it in the channel.
    """
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    link = ticket_link(public_url, ticket)
    body = ticket_body(posting, limits, whole=posting.type is EventType.TICKET_CREATED)
    asked = state is State.PENDING and not posting.copied
    if asked:
        hint = f"Decide on the page, and only if it shows the code {short_code(ticket.id)} too."
        body.append(own_words(hint, subtle=True))
    button = "Review and decide" if asked else "Open the ticket"
    return card(summary(ticket, state, link), body, button, link)


def ticket_body(posting: Posting, limits: CardLimits, *, whole: bool) -> list[Element]:
    """Return what a card says of a ticket: all that one needs to decide where it is `whole`, else what became of it."""
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    return [
        box(_STYLES[state], own_words(headline(ticket, state), large=True)),
        *_news(posting, state),
        *_request(ticket, limits),
        *(_detail(ticket, limits) if whole else ()),
        *_votes(ticket.votes, limits),
        *_ending(ticket, limits),
        *(_awaited(ticket, limits) if state is State.PENDING else ()),
        fact_set(facts(ticket, state)),
        *(_body(posting, limits) if whole else ()),
    ]


def _news(posting: Posting, state: State) -> list[Element]:
    """Return what changed where the state doesn't say it, and what takes this ticket's place."""
    ticket = posting.ticket
    if ticket.replaced_by:
        return [own_words(f"The ticket with the code {short_code(ticket.replaced_by)} has taken its place.")]
    news: list[Element] = []
    if posting.type is EventType.VOTE_WITHDRAWN and state is State.PENDING:
        news.append(own_words("A vote was withdrawn."))
    if posting.copied and state is State.PENDING:
        news.append(own_words(FOR_INFORMATION))
    return news


def _request(ticket: Ticket, limits: CardLimits) -> list[Element]:
    request = ticket.draft.request
    path, question_mark, query = request.target.partition("?")
    target = f"{request.scheme}://{request.host}{path}{question_mark}{mask_pairs(query)}"
    return [
        row("Request", one_line(f"{request.method} {target}", limits.target)),
        row("Requester", _requester(ticket, limits)),
    ]


def _requester(ticket: Ticket, limits: CardLimits) -> str:
    person = _person(ticket.draft.requester, limits)
    return f"nobody in particular: {person}" if ticket.draft.shared else person


def _detail(ticket: Ticket, limits: CardLimits) -> list[Element]:
    draft = ticket.draft
    requirement = draft.requirement
    warnings: list[Element] = []
    if requirement.scope:  # of slugs, which are read alike as Markdown
        covered = f"Not only this request: an approval is good for {scope_in_words(requirement)}."
        warnings.append(box("attention", own_words(covered)))
    if requirement.risk is Risk.HIGH:
        warnings.append(box("attention", own_words(HIGH_RISK)))
    rules = [rule for demand in requirement.demands for rule in _demand(demand, limits)]
    theirs: list[Element] = []
    if draft.justification:
        theirs.append(row("The requester says (unchecked)", one_line(draft.justification, limits.sentence)))
    differing = [
        row("May differ in the body", one_line(pointer, limits.name)) for pointer in requirement.body_ignores
    ]
    shown = [
        row("From the policy", f"{one_line(title, limits.name)} = {one_line(value, limits.sentence)}")
        for title, value in requirement.show
    ]
    headers = [
        row("Header", f"{one_line(name, limits.name)}: {_header_value(name, value, limits)}")
        for name, value in ticket.draft.request.headers
    ]
    return [
        *warnings,
        *some(rules, limits),
        *theirs,
        *some(shown, limits),
        *some(headers, limits),
        *some(differing, limits),
    ]


def _demand(demand: Demand, limits: CardLimits) -> list[RichTextBlock]:
    rows = [row("Rule", one_line(demand.rule, limits.name))]
    if demand.reason:
        rows.append(row("Reason", one_line(demand.reason, limits.sentence)))
    rows.append(row("Asks for", one_line(demand_in_words(demand), limits.sentence)))
    return rows


def _header_value(name: str, value: bytes, limits: CardLimits) -> str:
    return MASK if is_secret(name) else one_line(value.decode("utf-8", "surrogateescape"), limits.sentence)


def _votes(votes: tuple[Vote, ...], limits: CardLimits) -> list[Element]:
    return some([row(_VERBS[vote.choice], _vote(vote, limits)) for vote in votes], limits)


def _vote(vote: Vote, limits: CardLimits) -> str:
    person = _person(Principal(vote.identity, vote.name), limits)
    comment = f", saying: {one_line(vote.comment, limits.sentence)}" if vote.comment.strip() else ""
    return f"{person} at {moment(vote.at)}{comment}"


def _ending(ticket: Ticket, limits: CardLimits) -> list[Element]:
    ending = ticket.ending
    if ending is None:
        return []
    person = _person(Principal(ending.identity, ending.name), limits)
    comment = f", saying: {one_line(ending.comment, limits.sentence)}" if ending.comment.strip() else ""
    return [row(_ENDED.get(ticket.state, "Ended by"), f"{person}{comment}")]


def _awaited(ticket: Ticket, limits: CardLimits) -> list[Element]:
    awaiting = approvals(ticket).awaiting
    return [row("Waiting for", one_line("; ".join(awaiting), limits.sentence))] if awaiting else []


def _body(posting: Posting, limits: CardLimits) -> list[Element]:
    shown = excerpt(posting.ticket.draft.request, posting.body, limits.body)
    caption = own_words(shown.caption, subtle=True)
    return [box("emphasis", caption, block(shown.text))] if shown.text else [caption]


def _person(principal: Principal, limits: CardLimits) -> str:
    """Return name and stable identity: a name alone can be anybody's."""
    identity = principal.identity
    stable = f"{one_line(identity.id, limits.name)} of {one_line(identity.ns, limits.name)}"
    name = one_line(principal.name, limits.name)
    return f"{name} ({stable})" if name and principal.name != identity.id else stable


def some(rows: list[RichTextBlock], limits: CardLimits) -> list[Element]:
    """Return the rows, or as many as a card takes and a line saying how many the page shows beyond them."""
    kept: list[Element] = [*rows[: limits.lines]]
    if len(rows) > limits.lines:
        kept.append(own_words(f"{len(rows) - limits.lines} more: see the page.", subtle=True))
    return kept
