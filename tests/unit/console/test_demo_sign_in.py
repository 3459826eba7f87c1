from __future__ import annotations

import httpx
import pytest

from authz.domain.errors import SettingsInvalid
from authz.entrypoints.console import demo_sign_in
from authz.entrypoints.console.demo_address import OneTimeSecrets, one_time_address, one_time_secret
from authz.entrypoints.console.demo_guard import DemoGuard
from authz.entrypoints.console.demo_sign_in import DemoSignIn
from authz.entrypoints.console.site import Site
from tests.unit.console.world import KEY, PUBLIC_URL, World, all_text, hidden, sign_in

ADDRESS = "/demo/sign-in"


async def test_the_address_shows_the_people_and_one_picks_one(world: World) -> None:
    browser = world.browser()
    address = one_time_address(PUBLIC_URL, KEY)
    assert "Carol" in (await browser.get(address)).text
    answer = await sign_in(browser, address, "carol")
    assert answer.headers["location"] == "/"
    assert "Signed in as Carol" in all_text((await browser.get("/")).text)


async def test_looking_at_the_address_does_not_burn_it_and_picking_does(world: World) -> None:
    address = one_time_address(PUBLIC_URL, KEY)
    for _ in range(3):
        assert (await world.browser().get(address)).status_code == 200
        assert (await world.browser().head(address)).status_code == 200
    await sign_in(world.browser(), address, "bob")
    again = await world.browser().get(address)
    assert again.status_code == 403
    assert "used already" in again.text


async def test_a_secret_signs_in_once_even_when_two_forms_were_open(world: World) -> None:
    secret = one_time_secret(KEY)
    first, second = world.browser(), world.browser()
    fields = {"secret": secret, "person": "bob"}
    assert (await first.post(ADDRESS, data=fields)).status_code == 303
    assert (await second.post(ADDRESS, data=fields)).status_code == 403
    assert (await second.get("/")).status_code == 401


async def test_control_when_nothing_is_burnt_a_secret_signs_in_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OneTimeSecrets, "burn", OneTimeSecrets.good)
    fields = {"secret": one_time_secret(KEY), "person": "bob"}
    answers = [await world.browser().post(ADDRESS, data=fields) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]


@pytest.mark.parametrize(
    "secret",
    ["", "x", "A" * 22 + "." + "A" * 43, one_time_secret("o" * 32), "é"],
    ids=["none", "short", "forged", "other run", "non-ascii"],
)
async def test_a_made_up_secret_opens_nothing(world: World, secret: str) -> None:
    browser = world.browser()
    assert (await browser.get(ADDRESS, params={"secret": secret})).status_code == 403
    assert (await browser.post(ADDRESS, data={"secret": secret, "person": "bob"})).status_code == 403
    assert "set-cookie" not in (await browser.get("/")).headers


async def test_an_unknown_person_burns_nothing(world: World) -> None:
    browser = world.browser()
    secret = one_time_secret(KEY)
    assert (await browser.post(ADDRESS, data={"secret": secret, "person": "mallory"})).status_code == 400
    assert (await browser.post(ADDRESS, data={"secret": secret, "person": "bob"})).status_code == 303


def test_used_secrets_are_remembered_up_to_a_bound_and_then_none_is_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("authz.entrypoints.console.demo_address.USED_MAX", 2)
    one_time = OneTimeSecrets(KEY)
    assert [one_time.burn(one_time_secret(KEY)) for _ in range(3)] == [True, True, False]


async def test_a_session_switches_to_another_person_under_a_new_name(world: World) -> None:
    browser = await world.signed_in("alice")
    old = dict(browser.cookies)
    form = {"csrf": hidden((await browser.get(ADDRESS)).text, "csrf"), "person": "bob"}
    assert (await browser.post(ADDRESS, data=form)).status_code == 303
    assert dict(browser.cookies) != old
    assert "Signed in as Bob" in all_text((await browser.get("/")).text)
    left = world.browser()
    left.cookies.update(old)
    assert (await left.get("/")).status_code == 401


async def test_switching_needs_the_sessions_own_form(world: World) -> None:
    browser, other = await world.signed_in("alice"), await world.signed_in("carol")
    foreign = hidden((await other.get(ADDRESS)).text, "csrf")
    for csrf in ("", foreign):
        assert (await browser.post(ADDRESS, data={"csrf": csrf, "person": "bob"})).status_code == 403
    assert "Signed in as Alice" in all_text((await browser.get("/")).text)


async def test_a_cookie_that_was_planted_before_is_not_taken_over(world: World) -> None:
    """Session fixation: the attacker knows a cookie, the victim signs in with it."""
    attacker, victim = world.browser(), world.browser()
    attacker.cookies.set("holdgate", "planted", domain="127.0.0.1")
    victim.cookies.set("holdgate", "planted", domain="127.0.0.1")
    answer = await sign_in(victim, one_time_address(PUBLIC_URL, KEY), "bob")
    assert "planted" not in answer.headers["set-cookie"]
    assert (await attacker.get("/")).status_code == 401


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(world: World) -> None:
    answer = await sign_in(world.browser(), one_time_address(PUBLIC_URL, KEY), "bob")
    words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")[1:]}
    assert words == {"httponly", "path=/", "samesite=lax"}


async def test_over_https_the_cookie_is_secure_and_of_this_host_alone(guard: DemoGuard) -> None:
    world = World(guard, public_url="https://localhost:8443")
    browser = world.browser(headers={"origin": "https://localhost:8443"})
    answer = await sign_in(browser, one_time_address("https://localhost:8443", KEY), "bob")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-holdgate=")
    assert "secure" in cookie.lower()
    assert "domain" not in cookie.lower()


PROXIED = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X_Forwarded_For",
    "X-Real-IP",
    "Via",
    "X-Envoy-External-Address",
    "X-Client-Ip",
]


@pytest.mark.parametrize("header", PROXIED)
@pytest.mark.parametrize("path", ["/", ADDRESS])
async def test_behind_a_proxy_there_is_no_demo(world: World, header: str, path: str) -> None:
    bob = await world.signed_in("bob")
    answer = await bob.get(path, headers={header: "203.0.113.9"})
    assert answer.status_code == 403
    assert "through a proxy" in answer.text
    answer = await bob.post(
        ADDRESS, data={"secret": one_time_secret(KEY), "person": "bob"}, headers={header: "x"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "peer", ["203.0.113.9", "10.0.0.1", "::ffff:203.0.113.9", "2001:db8::1", "testclient"]
)
async def test_from_another_machine_there_is_no_demo(world: World, peer: str) -> None:
    bob = await world.signed_in("bob")
    far = world.browser(peer=(peer, 50000))
    far.cookies.update(bob.cookies)
    for answer in [
        await far.get("/"),
        await far.get(one_time_address(PUBLIC_URL, KEY)),
        await far.post(ADDRESS, data={"secret": one_time_secret(KEY), "person": "bob"}),
    ]:
        assert answer.status_code == 403
        assert "the machine that it runs on" in answer.text


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
async def test_every_spelling_of_loopback_is_here(world: World, peer: str) -> None:
    assert (await world.browser(peer=(peer, 1)).get(one_time_address(PUBLIC_URL, KEY))).status_code == 200


async def test_a_peer_without_an_address_is_not_here(world: World) -> None:
    transport = httpx.ASGITransport(world.app, client=("", 0))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as browser:
        assert (await browser.get(one_time_address(PUBLIC_URL, KEY))).status_code == 403


async def test_control_without_the_check_another_machine_signs_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_sign_in, "why_not_local", lambda _: None)
    far = world.browser(peer=("203.0.113.9", 1), headers={"x-forwarded-for": "198.51.100.1"})
    await sign_in(far, one_time_address(PUBLIC_URL, KEY), "bob")


@pytest.mark.parametrize(("passed", "signed_in"), [(29 * 60, True), (30 * 60, False)])
async def test_an_unused_session_ends(world: World, passed: int, signed_in: bool) -> None:
    bob = await world.signed_in("bob")
    world.clock.now += passed
    assert ((await bob.get("/")).status_code == 200) is signed_in


async def test_a_session_in_use_ends_after_its_absolute_time(world: World) -> None:
    bob = await world.signed_in("bob")
    for _ in range(23):
        world.clock.now += 20 * 60
        assert (await bob.get("/")).status_code == 200
    world.clock.now += 20 * 60
    assert (await bob.get("/")).status_code == 401


async def test_sessions_are_bounded_and_the_least_used_goes_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.sign_in.memory, "_count_max", 2)
    bob, carol = await world.signed_in("bob"), await world.signed_in("carol")
    assert (await bob.get("/")).status_code == 200
    await world.signed_in("dave")
    assert [(await one.get("/")).status_code for one in (bob, carol)] == [200, 401]


@pytest.mark.parametrize(
    "public_url", ["http://holdgate.example", "https://192.0.2.1:8443", "http://0.0.0.0:8088"]
)
def test_a_console_with_a_public_name_gets_no_demo(guard: DemoGuard, public_url: str) -> None:
    with pytest.raises(SettingsInvalid, match="demo sign-in is refused"):
        DemoSignIn(Site(public_url), [], guard, KEY)


def test_one_more_host_with_a_public_name_is_enough_to_refuse(guard: DemoGuard) -> None:
    with pytest.raises(SettingsInvalid, match=r"holdgate\.example"):
        DemoSignIn(Site(PUBLIC_URL, ["holdgate.example"]), [], guard, KEY)
    DemoSignIn(Site(PUBLIC_URL, ["localhost:8088", "[::1]:8088"]), [], guard, KEY)


def test_a_short_key_is_refused(guard: DemoGuard) -> None:
    with pytest.raises(SettingsInvalid, match="32 are needed"):
        DemoSignIn(Site(PUBLIC_URL), [], guard, "short")
