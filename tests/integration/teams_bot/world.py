"""The bot before a vendor that checks what the real one checks. Tickets and notes are in memory."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

import httpx
import orjson

from authz.adapters.bot_framework.connector import Connector
from authz.adapters.bot_framework.inbound import InboundTokens
from authz.adapters.bot_framework.settings import BotSettings
from authz.adapters.teams_bot.adoption import Adoption, Lived
from authz.adapters.teams_bot.card import CardTerms
from authz.adapters.teams_bot.people import People
from authz.adapters.teams_bot.poster import Rooms, TeamsPoster
from authz.domain.events import EventType
from authz.domain.identity import Identity, Person
from authz.domain.requirement import Requirement
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Ticket
from authz.domain.token import TicketKey, TokenMint, short_code
from authz.entrypoints.chat.in_hand import InHand
from authz.entrypoints.chat.teams import TeamsMessages, TeamsParts
from authz.entrypoints.chat.teams_commands import TeamsCommands
from authz.entrypoints.chat.teams_conversations import TeamsConversations
from authz.entrypoints.chat.teams_presses import TeamsPresses
from authz.entrypoints.console.app import build_console
from authz.entrypoints.console.site import Site
from authz.entrypoints.console.status import StatusPages
from authz.services.bodies import kept_body
from authz.services.card_ports import Card
from authz.services.changes import Changes
from authz.services.chat_approvals import ChatApprovals
from authz.services.chat_deciding import ChatDeciding
from authz.services.conversations import Conversation, personal_key
from authz.services.living_cards import LivingCards
from authz.services.permissions import BuiltInRule
from authz.services.ports import Posting
from authz.services.reviewing import ReviewingService
from authz.services.status_waiting import StatusWaiting
from authz.services.ticket_status import TicketStatus
from authz.services.voting import SignedIn, VotingService
from tests.support.bot_framework_server import BotFramework
from tests.support.memory_reviews import MemoryReviews
from tests.support.memory_store import MemoryStore
from tests.support.sample_tickets import BODY, ISSUER, REQUIREMENT, draft
from tests.support.teams_rooms import Document, Message, Room
from tests.unit.console.world import WAIT_LIMITS, WaitsSeen

PUBLIC_URL = "http://127.0.0.1:8088"
GROUPS = {"alice": ["sre"], "bob": ["sre"], "carol": ["sre"], "dave": ["developers"]}


class Book:
    """Cards and presses, as Redis remembers them. `forgetful` is the control: every press is the first."""

    def __init__(self) -> None:
        self.kept: defaultdict[tuple[str, str], dict[tuple[str, str], Card]] = defaultdict(dict)
        self.seen: set[tuple[str, str]] = set()
        self.forgetful = False

    async def cards(self, ticket_id: str, channel: str) -> Sequence[Card]:
        return list(self.kept[ticket_id, channel].values())

    async def keep(self, ticket_id: str, channel: str, card: Card) -> None:
        self.kept[ticket_id, channel][card.place, card.reference] = card

    async def forget(self, ticket_id: str, channel: str, card: Card) -> None:
        self.kept[ticket_id, channel].pop((card.place, card.reference), None)

    async def first(self, channel: str, callback: str) -> bool:
        known = (channel, callback) in self.seen
        self.seen.add((channel, callback))
        return self.forgetful or not known


class Conversations:
    """Where the bot may write."""

    def __init__(self) -> None:
        self.kept: dict[str, Conversation] = {}

    async def keep(self, conversation: Conversation) -> bool:
        self.kept[conversation.key] = conversation
        return True

    async def forget(self, key: str) -> None:
        self.kept.pop(key, None)

    async def find(self, key: str) -> Conversation | None:
        return self.kept.get(key)

    async def personal(self, tenant: str, user: str) -> Conversation | None:
        return self.kept.get(personal_key(tenant, user))


class TeamsDirectory:
    """Everybody in GROUPS, by their account in Teams and by another one, with the groups of now."""

    def __init__(self, vendor: BotFramework) -> None:
        self._names = {
            identity: name
            for name in GROUPS
            for identity in (Identity(ISSUER, f"{name}-1"), Identity(vendor.tenant, vendor.member(name).aad))
        }
        self._vendor = vendor

    async def person(self, identity: Identity, timeout: float) -> Person | None:  # noqa: ARG002 - the port's
        name = self._names.get(identity)
        return self.known(name) if name else None

    def known(self, name: str) -> Person:
        accounts = (Identity(self._vendor.tenant, self._vendor.member(name).aad),)
        return Person(name, name, frozenset(GROUPS[name]), "test", accounts=accounts)


class World:
    """`room` is the channel that cards go to. Time stands still until a test moves `store.now`."""

    def __init__(self, vendor: BotFramework, client: httpx.AsyncClient, *, settings: BotSettings) -> None:
        self.vendor = vendor
        self.store = MemoryStore()
        self.store.now = int(time.time()) * 1000
        vendor.clock = lambda: self.store.now / 1000
        self.room = vendor.channel()
        self.book = Book()
        self.conversations = Conversations()
        self.directory = TeamsDirectory(vendor)
        # `teams` is called strong here, so that nothing but the rule for buttons keeps a high risk out.
        rules = SignInRules(frozenset({"teams"}), 600_000)
        self.voting = VotingService(self.store, self.directory, BuiltInRule(), rules, timeout=1)
        self.terms = CardTerms(PUBLIC_URL, vendor.tenant)
        self.connector = Connector(settings, client, monotonic=time.monotonic)
        rooms = Rooms((self.room.id,), vendor.service_url)
        self.poster = TeamsPoster(self.connector, self.conversations, rooms, self.terms)
        self.cards = LivingCards("ops", self.poster, self.book, self.store)
        self.deciding = ChatDeciding(self.store, self.voting, self.book)
        self.in_hand = InHand(64, lambda: None)
        inbound = InboundTokens(settings, client, wall=vendor.clock, monotonic=time.monotonic)
        approvals = ChatApprovals(self.store, self.voting)
        people = People(self.connector, self.conversations, vendor.tenant)
        adoption = Adoption({"ops": Lived(self.cards, (self.room.id,))}, self.book)
        self.messages = TeamsMessages(
            TeamsParts(
                inbound=inbound,
                presses=TeamsPresses(
                    self.deciding, self.voting, self.store, adoption, self.terms, self.in_hand
                ),
                commands=TeamsCommands(self.deciding, approvals, self.connector, people, self.terms),
                conversations=TeamsConversations(self.conversations, vendor.tenant),
                in_hand=self.in_hand,
                local_only=settings.allow_unauthenticated_loopback,
            )
        )
        site = Site(PUBLIC_URL)
        ticket_status = TicketStatus(self.store, TokenMint([TicketKey("k1", b"s" * 32)]), PUBLIC_URL)
        waiting = StatusWaiting(ticket_status, Changes(), WAIT_LIMITS, WaitsSeen())
        self.app = build_console(
            site,
            self.store,
            StatusPages(ticket_status, waiting),
            self.voting,
            ReviewingService(MemoryReviews(), BuiltInRule(), timeout=1.0),
            None,
            more_routes=self.messages.routes(),
        )
        self.http = self.client_at(("127.0.0.1", 50000))
        self.teams = vendor.client(f"{PUBLIC_URL}/api/messages", self.http)
        self._told = 0

    def client_at(self, peer: tuple[str, int]) -> httpx.AsyncClient:
        """Return a client that speaks to the console from this address."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=peer), base_url=PUBLIC_URL, timeout=20
        )

    async def hold(self, number: int = 0, requirement: Requirement = REQUIREMENT) -> Ticket:
        """Hold alice's request, and tell of it."""
        created = await self.store.create(draft(number, requirement=requirement), BODY)
        await self.tell()
        return created.ticket

    async def posted(self, number: int = 0, requirement: Requirement = REQUIREMENT) -> tuple[Ticket, Message]:
        """Install the bot, hold a request, and return the ticket with its message in the room."""
        await self.teams.install(self.room, self.vendor.member("carol"))
        held = await self.hold(number, requirement)
        return held, self.messages_of(held)[-1]

    async def tell(self, *designated: str) -> None:
        """Do what the notifier does: tell the channel of each event that it wasn't told of yet."""
        people = tuple(self.directory.known(name) for name in designated)
        for event in self.store.log[self._told :]:
            loaded = await self.store.load(event.ticket_id)
            assert loaded is not None
            created = event.type is EventType.TICKET_CREATED
            body = await kept_body(self.store, loaded.ticket) if created else None
            posting = Posting(event.type, loaded.ticket, loaded.now, body, event.rev, designated=people)
            if event.type in self.cards.events:
                await self.cards.send(posting)
        self._told = len(self.store.log)

    def messages_of(self, held: Ticket) -> list[Message]:
        """Return the messages in all rooms whose card is of this ticket."""
        return [
            message
            for room in self.vendor.rooms.values()
            for message in self.vendor.messages(room)
            if message.activity.get("attachments")
            and short_code(held.id) in orjson.dumps(message.card).decode()
        ]

    async def press(self, message: Message, name: str, verb: str = "approve", **inputs: str) -> Document:
        """Press a button and return what came back."""
        return said(await self.teams.press(message, self.vendor.member(name), verb, inputs=inputs or None))

    async def invoke(
        self, message: Message, name: str, data: Document, verb: object = "approve", trigger: str = "manual"
    ) -> httpx.Response:
        """Send a press of any content, as somebody with a client of their own could."""
        action = {"type": "Action.Execute", "verb": verb, "data": data}
        return await self.teams.invoke(message, self.vendor.member(name), action, trigger)

    async def say(self, name: str, text: str, room: Room | None = None) -> str:
        """Write to the bot in the room, and return what it answered last, wherever that is."""
        where = room or self.room
        answer = await self.teams.say(where, self.vendor.member(name), text)
        assert answer.status_code == 200, answer.status_code
        return str(self.vendor.messages(where)[-1].activity.get("summary"))

    def votes(self, held: Ticket) -> list[tuple[str, str]]:
        """Return who voted what."""
        return [(vote.person, vote.choice.value) for vote in self.store.tickets[held.id].votes]

    async def unnote(self, held: Ticket) -> None:
        """Leave of the book what a crash leaves between the post and the note: that a card was begun."""
        begun = Card(f"room {self.room.id}", "")
        self.book.kept[held.id, "ops"] = {(begun.place, begun.reference): begun}

    async def settle(self) -> None:
        """Wait for what goes on after its answer."""
        await self.in_hand.drain()

    async def withdraw(self, held: Ticket, name: str) -> None:
        identity = Identity(self.vendor.tenant, self.vendor.member(name).aad)
        await self.voting.withdraw(held.id, SignedIn(identity, name, "oidc", self.store.now))


def data_of(held: Ticket, **different: object) -> Document:
    """Return what a button of this ticket's card carries."""
    return {"ticket": held.id, "digest": held.draft.fingerprint.payload_digest, **different}


def said(answer: httpx.Response) -> Document:
    """Return what an invoke was answered, which is an HTTP 200 whatever it says."""
    assert answer.status_code == 200, (answer.status_code, answer.text)
    document: Document = answer.json()
    assert set(document) == {"statusCode", "type", "value"}
    return document


def sentence_of(answer: Document) -> str:
    """Return the sentence that somebody was told, alone or above a card."""
    value = answer["value"]
    if isinstance(value, str):
        return value
    if "message" in value:
        return str(value["message"])
    return str(value["body"][0]["items"][0]["inlines"][0]["text"])


def has_buttons(card: Document) -> bool:
    return b"Action.Execute" in orjson.dumps(card)
