"""A console over a store in memory, with people to sign in as and tickets to decide."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from typing import Any

import httpx

from authz.domain.break_glass import Review
from authz.domain.errors import PolicyUnavailable
from authz.domain.fingerprint import Binding, always_bound, take_fingerprint
from authz.domain.identity import Identity, Person, Principal
from authz.domain.request import CheckId, GatedRequest
from authz.domain.requirement import Requirement
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import FrozenRequest, Ticket, TicketDraft
from authz.domain.token import TicketKey, TokenMint, ticket_id
from authz.entrypoints.console.app import build_console
from authz.entrypoints.console.demo_address import one_time_address
from authz.entrypoints.console.demo_guard import DemoGuard
from authz.entrypoints.console.demo_sign_in import DemoPerson, DemoSignIn
from authz.entrypoints.console.form import FormLimits
from authz.entrypoints.console.site import Site
from authz.entrypoints.console.status import StatusPages
from authz.services.changes import Changes
from authz.services.check.waiting import WaitEnd, WaitLimits
from authz.services.ports import TicketStore
from authz.services.reviewing import ReviewingService
from authz.services.status_waiting import StatusWaiting
from authz.services.ticket_status import TicketStatus
from authz.services.voting import VotingService
from tests.support.memory_reviews import MemoryReviews
from tests.support.memory_store import START_MS, MemoryStore
from tests.support.operators_rule import OperatorsRule
from tests.support.requirements import requirement as requirement_of
from tests.support.sample_reviews import review_draft, used_at

ISSUER = "https://issuer.example"
PUBLIC_URL = "http://127.0.0.1:8088"
KEY = "k" * 32
WAIT_LIMITS = WaitLimits(longest=60.0, judging=0.5, waiters=3, per_requester=2)
LOOPBACK = ("127.0.0.1", 50000)
GROUPS = {"alice": ["dev"], "bob": ["sre"], "carol": ["sre", "security"], "dave": ["dev"]}


def identity(name: str) -> Identity:
    return Identity(ISSUER, f"id-of-{name}")


BODY = b'{"force": true}'


class People:
    """The directory: everybody in GROUPS. While `down` is set it can't be asked."""

    def __init__(self) -> None:
        self.down = False

    async def person(self, identity: Identity, timeout: float) -> Person | None:  # noqa: ARG002 - answers at once
        if self.down:
            msg = "the test took the directory down"
            raise PolicyUnavailable(msg)
        name = identity.id.removeprefix("id-of-")
        if name not in GROUPS:
            return None
        return Person(name, name.title(), frozenset(GROUPS[name]), "test")


class WaitsSeen:
    """How many wait now, and how waits ended."""

    def __init__(self) -> None:
        self.now = 0
        self.ended: Counter[WaitEnd] = Counter()

    def waiting(self, number: int) -> None:
        self.now = number

    def waited(self, end: WaitEnd, seconds: float) -> None:
        assert seconds >= 0
        self.ended[end] += 1


class Ticker:
    """A clock in seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def draft(**changes: Any) -> TicketDraft:  # noqa: ANN401 - any field of the draft, its request or its requirement
    """Return alice's DELETE that needs one of `sre`."""
    body = changes.pop("body", BODY)
    headers = changes.pop("headers", (("content-type", b"application/json"), ("x-tenant", b"blue")))
    names = {"method", "scheme", "host", "path", "query", "body_checked", "source_address"}
    request = FrozenRequest(
        method="DELETE",
        scheme="https",
        host="api.example",
        path="/v1/resources/42",
        query="cascade=true",
        headers=headers,
        body_size=len(body),
        body_checked=True,
        source_address="192.0.2.7",
    )
    request = replace(request, **{name: changes.pop(name) for name in names & changes.keys()})
    rest = {
        name: changes.pop(name) for name in ("justification", "shared", "requester_linked") if name in changes
    }
    requirement = requirement_of(
        *changes.pop("approvers", ()),
        rule=changes.pop("rule", "delete-production"),
        reason=changes.pop("reason", "deletes a production resource"),
        bind_body=request.body_checked,
        show=(("Cluster", "prod-eu"),),
    )
    fields = {name: changes.pop(name) for name in Requirement.__slots__ if name in changes}
    requirement = replace(requirement, **fields)
    requester = changes.pop("requester", Principal(identity("alice"), "alice"))
    person = changes.pop("requester_person", "alice")
    assert not changes, f"unknown fields: {changes}"
    seen = GatedRequest(
        check_id=CheckId("1", 1),
        method=request.method,
        scheme=request.scheme,
        host=request.host,
        path=request.path,
        query=request.query,
        protocol="HTTP/1.1",
        headers=headers,
        raw_headers=True,
        body=body,
        raw_body=True,
        partial=False,
        body_limit=1 << 20,
        context_extensions={},
        source_address=request.source_address,
        source_principal="",
    )
    binding = Binding(always_bound(["x-tenant"]), body=request.body_checked)
    fingerprint = take_fingerprint(seen, requester.identity, "envoy/authz/allow", binding)
    identifier = ticket_id(0, secrets.token_bytes(16))
    return TicketDraft(identifier, requester, person, requirement, fingerprint, request, 202, **rest)


class World:
    """The application and everything it was built from."""

    def __init__(
        self,
        guard: DemoGuard,
        *,
        store: TicketStore | None = None,
        public_url: str = PUBLIC_URL,
        sign_in_rules: SignInRules | None = None,
    ) -> None:
        self.memory = MemoryStore()
        self.store: TicketStore = store or self.memory
        self.directory = People()
        self.clock = Ticker()
        self.site = Site(public_url)
        self.mint = TokenMint([TicketKey("k1", b"s" * 32)])
        people = [DemoPerson(name, identity(name), name.title(), ", ".join(GROUPS[name])) for name in GROUPS]
        people.append(DemoPerson("eve", identity("eve"), "Eve", "not in the directory"))
        self.rule = OperatorsRule()
        self.reviews = MemoryReviews()
        self.voting = VotingService(
            self.store, self.directory, self.rule, sign_in_rules or SignInRules(), timeout=1.0
        )
        self.reviewing = ReviewingService(self.reviews, self.rule, timeout=1.0)
        self.sign_in = DemoSignIn(
            self.site, people, guard, KEY, monotonic=self.clock, wall=lambda: START_MS / 1000
        )
        limits = FormLimits(seconds=1.0)
        self.changes = Changes()
        self.waits = WaitsSeen()
        ticket_status = TicketStatus(self.store, self.mint, self.site.public_url)
        self.waiting = StatusWaiting(ticket_status, self.changes, WAIT_LIMITS, self.waits)
        self.status = StatusPages(ticket_status, self.waiting)
        self.app = build_console(
            self.site, self.store, self.status, self.voting, self.reviewing, self.sign_in, form_limits=limits
        )

    def browser(
        self, *, peer: tuple[str, int] = LOOPBACK, headers: Mapping[str, str] | None = None
    ) -> httpx.AsyncClient:
        """Return a client that sends what a browser on this machine sends."""
        transport = httpx.ASGITransport(self.app, client=peer)
        return httpx.AsyncClient(
            transport=transport, base_url=self.site.public_url, headers={**BROWSER, **(headers or {})}
        )

    async def signed_in(self, name: str) -> httpx.AsyncClient:
        """Return a client that went through the picker as this person."""
        browser = self.browser()
        await sign_in(browser, one_time_address(self.site.public_url, KEY), name)
        return browser

    async def held(self, **changes: Any) -> Ticket:  # noqa: ANN401 - see draft
        """Store a ticket, and `kept` of its body: all of it unless a test says otherwise."""
        kept = changes.pop("kept", changes.get("body", BODY))
        return (await self.store.create(draft(**changes), kept)).ticket

    async def broken_glass(self, number: int = 0, **changes: Any) -> Review:  # noqa: ANN401 - see review_draft
        """Store alice's use of break-glass, and its body."""
        requester = Principal(identity("alice"), "alice")
        made = review_draft(number, **{"requester": requester, "person": "alice"} | changes)
        self.memory.bodies[made.id] = BODY
        return (await self.reviews.break_glass(made, used_at(number), BODY)).review

    async def now(self, ticket: Ticket) -> Ticket:
        """Return the ticket as it is stored now."""
        loaded = await self.store.load(ticket.id)
        assert loaded is not None
        return loaded.ticket


BROWSER = {"origin": PUBLIC_URL, "sec-fetch-site": "same-origin"}


async def sign_in(browser: httpx.AsyncClient, address: str, name: str) -> httpx.Response:
    shown = await browser.get(address)
    assert shown.status_code == 200, shown.text
    fields = {"secret": hidden(shown.text, "secret"), "person": name}
    answer = await browser.post("/demo/sign-in", data=fields)
    assert answer.status_code == 303, answer.text
    return answer


def hidden(html: str, name: str) -> str:
    """Return the value of a form's hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', html)
    assert found, f"no field {name}"
    return found.group(1)


async def vote_form(browser: httpx.AsyncClient, ticket: Ticket) -> dict[str, str]:
    """Return the fields of the approve form on a ticket's page."""
    html = (await browser.get(f"/tickets/{ticket.id}")).text
    return {
        "csrf": hidden(html, "csrf"),
        "digest": hidden(html, "digest"),
        "choice": "approve",
        "comment": "",
    }


def all_text(html: str) -> str:
    """Return what a reader sees: tags away, blocks apart, entities resolved."""
    apart = re.sub(r"</(?:dt|dd|p|li|h\d)>", " ", html)
    return unescape(re.sub(r"<[^>]*>", "", apart))


FORM = {"content-type": "application/x-www-form-urlencoded"}
