"""People sign in with a provider, which does a real exchange."""

from __future__ import annotations

from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.responses import JSONResponse
from structlog.testing import capture_logs

from authz.entrypoints.console.demo_guard import DemoGuard
from tests.support.oidc_provider import new_key
from tests.unit.console.oidc_world import OidcWorld
from tests.unit.console.world import all_text, hidden, identity, vote_form


@pytest.fixture
def world(guard: DemoGuard) -> OidcWorld:
    return OidcWorld(guard)


def cookies_of(answer: httpx.Response) -> SimpleCookie:
    return SimpleCookie("\n".join(answer.headers.get_list("set-cookie")))


async def test_somebody_signs_in_and_votes(world: OidcWorld) -> None:
    ticket = await world.held()
    bob = world.person()
    answer = await bob.sign_in("bob")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Signed in as Bob" in all_text((await bob.console.get("/")).text)
    voted = await bob.console.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob.console, ticket))
    assert voted.status_code == 303
    [vote] = (await world.now(ticket)).votes
    assert (vote.identity, vote.method) == (identity("bob"), "oidc")
    assert vote.signed_in_at == world.memory.now // 1000 * 1000


async def test_who_is_not_signed_in_is_shown_the_way_and_comes_back_to_the_ticket(world: OidcWorld) -> None:
    ticket = await world.held()
    bob = world.person()
    stranger = await bob.console.get(f"/tickets/{ticket.id}")
    assert stranger.status_code == 401
    link = f"/sign-in?next=%2Ftickets%2F{ticket.id}"
    assert f'href="{link}"' in stranger.text
    answer = await bob.sign_in("bob", link)
    assert answer.headers["location"] == f"/tickets/{ticket.id}"


@pytest.mark.parametrize(
    "place",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "/sign-in", "/tickets/../sign-in", ""],
)
async def test_nobody_is_sent_to_a_place_that_is_not_a_page_of_ours(world: OidcWorld, place: str) -> None:
    answer = await world.person().sign_in("bob", f"/sign-in?next={place}")
    assert answer.headers["location"] == "/"


async def test_the_provider_is_asked_for_a_code_that_only_this_browser_can_use(world: OidcWorld) -> None:
    first, second = [parse_qs(urlsplit(await world.person().sent_to()).query) for _ in range(2)]
    assert first["response_type"] == ["code"]
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == [f"{world.site.public_url}/sign-in/back"]
    assert first["scope"] == ["openid profile"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) == 43
        assert first[name] != second[name]
    assert "prompt" not in first


@pytest.mark.parametrize("url", ["https://holdgate.example", "http://127.0.0.1:8088"])
async def test_the_cookies_are_kept_from_scripts_and_over_https_from_other_hosts(
    guard: DemoGuard, url: str
) -> None:
    world = OidcWorld(guard, public_url=url)
    secure = url.startswith("https")
    prefix = "__Host-" if secure else ""
    bob = world.person()
    begun = await bob.console.get("/sign-in")
    done = await bob.console.get(await bob.proven("bob", begun.headers["location"]))
    for answer, name in ((begun, f"{prefix}holdgate-sign-in"), (done, f"{prefix}holdgate")):
        cookie = cookies_of(answer)[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
        assert bool(cookie["secure"]) == secure
        assert not cookie["domain"]
    assert cookies_of(done)[f"{prefix}holdgate-sign-in"]["max-age"] == "0"


async def test_each_sign_in_has_a_new_name_and_ends_the_one_before(world: OidcWorld) -> None:
    bob = world.person()
    await bob.sign_in("bob")
    before = bob.console.cookies["holdgate"]
    await bob.sign_in("bob")
    assert bob.console.cookies["holdgate"] != before
    old = world.browser()
    old.cookies.set("holdgate", before)
    assert (await old.get("/")).status_code == 401
    assert len(world.sessions.open) == 1


async def test_a_session_that_somebody_prepared_is_not_taken_over(world: OidcWorld) -> None:
    bob = world.person()
    bob.console.cookies.set("holdgate", "prepared", domain="127.0.0.1", path="/")
    await bob.sign_in("bob")
    prepared = world.browser()
    prepared.cookies.set("holdgate", "prepared")
    assert (await prepared.get("/")).status_code == 401


async def test_signing_out_ends_the_session(world: OidcWorld) -> None:
    bob = world.person()
    await bob.sign_in("bob")
    token = hidden((await bob.console.get("/")).text, "sign_out_token")
    kept = bob.console.cookies["holdgate"]
    answer = await bob.console.post("/sign-out", data={"sign_out_token": token})
    assert 'href="/sign-in?next=%2F"' in answer.text
    bob.console.cookies.set("holdgate", kept, domain="127.0.0.1", path="/")
    assert (await bob.console.get("/")).status_code == 401
    assert world.sessions.open == {}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_client_proves_itself_as_the_provider_asks(world: OidcWorld, method: str) -> None:
    world.provider.auth_method = method
    assert (await world.person().sign_in("bob")).status_code == 303


async def test_a_public_client_sends_no_secret(guard: DemoGuard) -> None:
    world = OidcWorld(guard, oidc={"client_secret": ""})
    world.provider.auth_method = "none"
    assert (await world.person().sign_in("bob")).status_code == 303


async def test_a_wrong_secret_signs_nobody_in_and_the_operator_is_told(world: OidcWorld) -> None:
    world.provider.client_secret = "another"
    with capture_logs() as lines:
        answer = await world.person().sign_in("bob")
    assert answer.status_code == 503
    [problem] = [line["problem"] for line in lines if line["event"] == "sign_in.provider_unavailable"]
    assert "answered 401, invalid_client" in problem
    assert "invalid_client" not in answer.text
    assert world.sessions.open == {}


async def test_a_provider_whose_documents_are_of_no_use_is_told_to_the_operator(world: OidcWorld) -> None:
    world.provider.documents["/.well-known/openid-configuration"] = lambda _: JSONResponse({"issuer": "x"})
    with capture_logs() as lines:
        answer = await world.browser().get("/sign-in")
    assert answer.status_code == 503
    [problem] = [line["problem"] for line in lines if line["event"] == "sign_in.provider_unavailable"]
    assert "the provider calls itself 'x'" in problem


async def test_a_new_key_of_the_provider_is_found(world: OidcWorld) -> None:
    """And asked for once in a while only, however many tokens name keys that nobody has."""
    await world.person().sign_in("bob")
    world.provider.keys.append(new_key("two"))
    world.clock.now += 31
    assert (await world.person().sign_in("carol")).status_code == 303
    asked = world.provider.asked.count("/keys")
    forger = new_key("three")
    world.provider.keys = [forger]
    for _ in range(3):
        assert (await world.person().sign_in("bob")).status_code == 403
    assert world.provider.asked.count("/keys") == asked


ENTRA = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
TENANT = "11111111-2222-3333-4444-555555555555"


async def test_at_entra_somebody_is_their_object_in_the_tenant(guard: DemoGuard) -> None:
    """`sub` is another one for each application there, so that no card and no directory would know it."""
    world = OidcWorld(guard, issuer=ENTRA)
    world.provider.accounts["bob"] |= {"tid": TENANT, "oid": "id-of-bob", "sub": "pairwise"}
    ticket = await world.held()
    bob = world.person()
    await bob.sign_in("bob")
    await bob.console.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob.console, ticket))
    [vote] = (await world.now(ticket)).votes
    assert (vote.identity.ns, vote.identity.id) == (TENANT, "id-of-bob")


@pytest.mark.parametrize("claims", [{"tid": "another", "oid": "o"}, {"oid": "o"}, {"tid": TENANT}, {}])
async def test_a_guest_of_another_tenant_or_nobody_in_particular_is_refused(
    guard: DemoGuard, claims: dict[str, str]
) -> None:
    world = OidcWorld(guard, issuer=ENTRA)
    world.provider.accounts["bob"] |= claims
    assert (await world.person().sign_in("bob")).status_code == 403
    assert world.sessions.open == {}


async def test_the_name_is_shown_and_never_believed(world: OidcWorld) -> None:
    world.provider.accounts["bob"]["name"] = "<b>Carol</b>\u202e"
    bob = world.person()
    await bob.sign_in("bob")
    html = (await bob.console.get("/")).text
    assert "&lt;b&gt;Carol&lt;/b&gt;" in html
    assert "\u202e" not in html
    [session] = world.sessions.open.values()
    assert session.signed_in.identity == identity("bob")
