"""A high risk asks for a new proof of who somebody is, and the vote service takes no other."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from re import search
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import State, Ticket
from authz.entrypoints.console import oidc_sign_in
from authz.entrypoints.console.demo_guard import DemoGuard
from authz.entrypoints.console.round_trip import RoundTrip
from tests.unit.console.oidc_world import OidcWorld, Person
from tests.unit.console.world import all_text, hidden, vote_form

RULES = SignInRules(frozenset({"oidc"}), max_age_ms=5 * 60_000)
MINUTE = 60_000


@pytest.fixture
def world(guard: DemoGuard) -> OidcWorld:
    return OidcWorld(guard, sign_in_rules=RULES)


async def link_of(person: Person, ticket: Ticket) -> str:
    """Return where the ticket's page leads who has to prove themselves anew."""
    html = (await person.console.get(f"/tickets/{ticket.id}")).text
    found = search(r'<a href="([^"]*)">Sign in again</a>', html)
    assert found, all_text(html)
    return unescape(found[1])


async def vote(person: Person, ticket: Ticket, form: dict[str, str]) -> int:
    return (await person.console.post(f"/tickets/{ticket.id}/vote", data=form)).status_code


async def test_after_a_new_proof_the_vote_counts(world: OidcWorld) -> None:
    ticket = await world.held(risk=Risk.HIGH)
    bob = world.person()
    await bob.sign_in("bob")
    world.memory.now += 6 * MINUTE
    link = await link_of(bob, ticket)
    answer = await bob.sign_in("bob", link)
    assert answer.headers["location"] == f"/tickets/{ticket.id}"
    asked = world.provider.authorizations[-1]
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert await vote(bob, ticket, await vote_form(bob.console, ticket)) == 303
    done = await world.now(ticket)
    assert done.state is State.APPROVED
    assert done.votes[0].signed_in_at == world.memory.now // 1000 * 1000


async def test_a_sign_in_that_the_provider_remembers_is_as_old_as_it_is(world: OidcWorld) -> None:
    """Signing in once more, without being asked, makes nobody fresh."""
    ticket = await world.held(risk=Risk.HIGH)
    bob = world.person()
    await bob.sign_in("bob")
    world.memory.now += 6 * MINUTE
    await bob.sign_in("bob")
    assert "Sign in again" in (await bob.console.get(f"/tickets/{ticket.id}")).text


async def test_the_service_refuses_an_old_sign_in_whatever_the_page_shows(
    world: OidcWorld, guard: DemoGuard
) -> None:
    """The form of a page that was opened in time, sent too late; the control has no rules."""

    async def late(world: OidcWorld) -> State:
        ticket = await world.held(risk=Risk.HIGH)
        bob = world.person()
        await bob.sign_in("bob")
        form = await vote_form(bob.console, ticket)
        world.memory.now += 6 * MINUTE
        await vote(bob, ticket, form)
        return (await world.now(ticket)).state

    assert await late(world) is State.PENDING
    lenient = SignInRules(frozenset({"oidc"}), max_age_ms=60 * MINUTE)
    assert await late(OidcWorld(guard, sign_in_rules=lenient)) is State.APPROVED


async def test_without_a_strong_way_to_sign_in_nobody_votes(guard: DemoGuard) -> None:
    world = OidcWorld(guard, sign_in_rules=SignInRules(frozenset({"another"})))
    ticket = await world.held(risk=Risk.HIGH)
    bob = world.person()
    await bob.sign_in("bob")
    assert "Sign in again" in (await bob.console.get(f"/tickets/{ticket.id}")).text


def heed_no_prompt(world: OidcWorld) -> None:
    world.provider.faults.heeds_prompt = False


def say_no_time(world: OidcWorld) -> None:
    world.provider.faults.says_when = False


@pytest.mark.parametrize(
    ("fault", "code"), [(heed_no_prompt, "not-asked-again"), (say_no_time, "auth-time-missing")]
)
async def test_a_provider_that_does_not_ask_anew_or_does_not_say_so_proves_nothing_new(
    world: OidcWorld, fault: Callable[[OidcWorld], None], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await world.held(risk=Risk.HIGH)
    bob = world.person()
    await bob.sign_in("bob")
    world.memory.now += 6 * MINUTE
    before = dict(world.sessions.open)
    fault(world)
    with capture_logs() as lines:
        answer = await bob.sign_in("bob", await link_of(bob, ticket))
    assert answer.status_code == 403
    assert [line["code"] for line in lines if line["event"] == "sign_in.failed"] == [code]
    assert world.sessions.open == before
    # The control: without the look at `auth_time` it passes for a new proof. The service still knows better.
    monkeypatch.setattr(oidc_sign_in, "_check_new", lambda *_: None)
    assert (await bob.sign_in("bob", await link_of(bob, ticket))).status_code == 303
    assert "Sign in again" in (await bob.console.get(f"/tickets/{ticket.id}")).text


@pytest.mark.parametrize(("seconds", "taken"), [(-60, True), (-61, False)])
async def test_the_clocks_may_differ_by_a_minute(world: OidcWorld, seconds: int, taken: bool) -> None:
    ticket = await world.held(risk=Risk.HIGH)
    bob = world.person()
    await bob.sign_in("bob")
    at = world.memory.now // 1000 + seconds
    world.provider.sign = lambda claims: world.provider.signed(claims | {"auth_time": at})
    again = world.oidc_sign_in.again(ticket.id, ticket.draft.fingerprint.payload_digest)
    assert again is not None
    assert ((await bob.sign_in("bob", again)).status_code == 303) == taken


def test_the_nonce_is_of_the_way_of_the_ticket_and_of_what_was_shown() -> None:
    ways = [
        RoundTrip("seed", "/", 1, "0-a", "digest"),
        RoundTrip("seed", "/", 1, "0-b", "digest"),
        RoundTrip("seed", "/", 1, "0-a", "another"),
        RoundTrip("seed", "/", 1, "0-ad", "igest"),
        RoundTrip("another", "/", 1, "0-a", "digest"),
        RoundTrip("seed", "/", 1),
    ]
    assert len({way.nonce for way in ways}) == len(ways)
    assert not {way.state for way in ways} & {way.nonce for way in ways}
    assert "seed" not in repr(ways[0])


async def test_a_new_proof_for_one_ticket_is_none_for_another(world: OidcWorld) -> None:
    """The provider's token names the nonce of the ticket that it was asked for."""
    first, second = await world.held(risk=Risk.HIGH), await world.held(risk=Risk.HIGH, path="/other")
    bob = world.person()
    await bob.sign_in("bob")
    world.memory.now += 6 * MINUTE
    nonces = []
    for ticket in (first, second):
        url = await bob.sent_to(await link_of(bob, ticket))
        nonces.append(parse_qs(urlsplit(url).query)["nonce"])
    assert nonces[0] != nonces[1]


@pytest.mark.parametrize("query", ["ticket=x&digest=y", "ticket=0-a", "digest=y", "ticket=&digest=%0a"])
async def test_an_incomplete_address_leads_nowhere(world: OidcWorld, query: str) -> None:
    answer = await world.browser().get(f"/sign-in?{query}")
    assert answer.status_code == 400


async def test_the_forms_of_the_session_before_are_good_for_nothing(world: OidcWorld) -> None:
    ticket = await world.held(risk=Risk.HIGH)
    bob = world.person()
    await bob.sign_in("bob")
    old = await vote_form(bob.console, ticket)
    token = hidden((await bob.console.get("/")).text, "sign_out_token")
    again = world.oidc_sign_in.again(ticket.id, old["digest"])
    assert again is not None
    await bob.sign_in("bob", again)
    assert await vote(bob, ticket, old) == 403
    assert (await bob.console.post("/sign-out", data={"sign_out_token": token})).status_code == 403
    assert await vote(bob, ticket, await vote_form(bob.console, ticket)) == 303
