"""Holdgate's half of Slack against a Slack on this machine: everything real but the store and the directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from starlette.applications import Starlette

from authz.adapters.slack.poster import PosterSettings, SlackPoster
from authz.adapters.slack.signature import SlackSignature
from authz.adapters.slack.web import SlackWeb
from authz.domain.approver import Approver, ApproverKind
from authz.domain.events import EventType
from authz.domain.identity import Identity, Person
from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, State, TicketDraft
from authz.domain.voting import Ballot
from authz.entrypoints.chat.in_hand import InHand
from authz.entrypoints.chat.slack_app import SlackApp
from authz.entrypoints.chat.slack_desk import DeskParts, Room, SlackDesk
from authz.entrypoints.chat.slack_http import PATH, SignedApp, SlackEvents
from authz.services.chat_approvals import ChatApprovals
from authz.services.chat_deciding import ChatDeciding
from authz.services.living_cards import LivingCards
from authz.services.ports import Posting
from authz.services.voting import SignedIn, VotingService
from tests.support.memory_store import MemoryStore
from tests.support.operators_rule import OperatorsRule
from tests.support.requirements import approved_by
from tests.support.sample_tickets import REQUIREMENT, draft
from tests.support.slack_people import form, signed
from tests.support.slack_server import SlackServer, serving
from tests.support.slack_state import BOT_TOKEN, CHANNEL, SIGNING_SECRET, TEAM, Document, Message, Whisper
from tests.unit.living_cards.chat import Book
from tests.unit.voting.test_chat_deciding import Presses

PUBLIC_URL = "https://holdgate.example"
TWO = approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2))
HIGH = replace(REQUIREMENT, risk=Risk.HIGH)
GROUPS = {"U0BOB": ["sre"], "U0CAROL": ["sre"], "U0DAVE": ["developers"], "U0ALICE": ["admin"]}


class SlackDirectory:
    """Knows people by their accounts in the workspace; alice is who asked for the sample ticket."""

    async def person(self, identity: Identity, timeout: float) -> Person | None:  # noqa: ARG002 - the port's
        if identity.ns != TEAM or identity.id not in GROUPS:
            return None
        name = identity.id[2:].lower()
        return Person(name, name, frozenset(GROUPS[identity.id]), "test", accounts=(identity,))


@dataclass
class World:
    """What a test has in hand."""

    slack: SlackServer
    web: SlackWeb
    store: MemoryStore
    rule: OperatorsRule
    presses: Presses
    book: Book
    poster: SlackPoster
    cards: LivingCards
    voting: VotingService
    in_hand: InHand
    app: SlackApp
    http: httpx.AsyncClient
    held: TicketDraft = field(default_factory=draft)

    async def hold(self, held: TicketDraft | None = None) -> Message:
        """Hold a request, tell of it as a notifier does, and return its card."""
        self.held = held or self.held
        await self.store.create(self.held, b'{"why": "cleanup"}')
        await self.tell(EventType.TICKET_CREATED)
        return self.slack.card()

    async def tell(self, kind: EventType, **different: Any) -> str:  # noqa: ANN401 - parts of a posting
        """Tell of the ticket as it is now."""
        ticket = self.store.tickets[self.held.id]
        return await self.cards.send(
            replace(Posting(kind, ticket, self.store.now, rev=ticket.rev), **different)
        )

    async def post(self, payload: Document, **headers: str) -> httpx.Response:
        """Send what somebody did by HTTP, and wait until it is done."""
        body = form(payload)
        answer = await self.http.post(
            PATH, content=body, headers={**signed(body, self.slack.now()), **headers}
        )
        await self.in_hand.drain(20)
        return answer

    async def vote(self, user: str = "U0BOB", choice: Choice = Choice.APPROVE) -> None:
        """Vote as on the page."""
        ballot = Ballot(choice, "on the page", self.held.fingerprint.payload_digest)
        await self.voting.vote(self.held.id, self.signed_in(user), ballot)

    async def withdraw(self, user: str) -> None:
        """Take a vote back, as on the page."""
        await self.voting.withdraw(self.held.id, self.signed_in(user))

    def signed_in(self, user: str) -> SignedIn:
        return SignedIn(Identity(TEAM, user), user, "oidc", self.store.now)

    def later(self, seconds: float) -> None:
        """Let time pass, in Slack and in the store."""
        before = self.slack.now
        self.slack.now = lambda: before() + seconds
        self.store.now += int(seconds * 1000)

    def state(self) -> State:
        return self.store.tickets[self.held.id].state

    @property
    def voters(self) -> list[str]:
        return [vote.person for vote in self.store.tickets[self.held.id].votes]

    def whispered(self) -> str:
        """Return what the last one who was answered read."""
        return said(self.slack.whispers[-1].blocks)


def said(blocks: list[Document]) -> str:
    """Return every text of some blocks."""
    found = []
    for block in blocks:
        for part in (block.get("text"), *block.get("fields", []), *block.get("elements", [])):
            if isinstance(part, Mapping):
                text = part.get("text", "")
                found.append(text["text"] if isinstance(text, Mapping) else text)
    return "\n".join(found)


def labels(whisper: Whisper) -> list[str]:
    """Return the buttons that one person saw."""
    return [
        one["text"]["text"]
        for block in whisper.blocks
        if block["type"] == "actions"
        for one in block["elements"]
    ]


@asynccontextmanager
async def world(slack: SlackServer | None = None, *, at_once: int = 64) -> AsyncIterator[World]:
    """Serve a Slack, and put Holdgate's half together."""
    async with serving(slack or SlackServer(per_second=100)) as served:
        served.members.setdefault("U0DAVE", TEAM)
        store = MemoryStore()
        store.now = int(served.now() * 1000)
        web = SlackWeb(BOT_TOKEN, base_url=f"{served.url}/api/")
        poster = SlackPoster(web, PosterSettings(TEAM, CHANNEL, PUBLIC_URL))
        book, presses, rule = Book(), Presses(), OperatorsRule()
        cards = LivingCards("ops", poster, book, store)
        # `slack` is called strong here, so that nothing but the rule about chats keeps a high risk out.
        rules = SignInRules(frozenset({"slack", "oidc"}), 600_000)
        voting = VotingService(store, SlackDirectory(), rule, rules, timeout=1)
        parts = DeskParts(
            web=web,
            team=TEAM,
            public_url=PUBLIC_URL,
            rooms=[Room("ops", CHANNEL, cards)],
            store=store,
            deciding=ChatDeciding(store, voting, presses),
            approvals=ChatApprovals(store, voting),
        )
        in_hand = InHand(at_once, lambda: None)
        app = SlackApp(SlackDesk(parts), in_hand, served.now)
        events = SlackEvents([SignedApp(app, SlackSignature(SIGNING_SECRET, served.now))])
        transport = httpx.ASGITransport(Starlette(routes=[events.route()]))
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
            try:
                yield World(
                    served, web, store, rule, presses, book, poster, cards, voting, in_hand, app, http
                )
            finally:
                await in_hand.drain()
                await web.aclose()
