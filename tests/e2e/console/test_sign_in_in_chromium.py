"""People sign in with a provider in a real browser, which keeps cookies, follows redirects and sets origins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import State
from authz.entrypoints.console.demo_guard import DemoGuard
from tests.e2e.console.test_review_in_chromium import tab
from tests.support.served_console import address_of, loopback_socket, served
from tests.unit.console.oidc_world import OidcWorld

pytestmark = pytest.mark.chromium

MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Office:
    """A console and the provider that its people sign in with, on two ports and under two sites."""

    world: OidcWorld
    url: str


@pytest.fixture
async def office(guard: DemoGuard) -> AsyncIterator[Office]:
    console, provider = loopback_socket(), loopback_socket()
    # Another name of this machine, so that coming back is cross-site, as it is from a real provider.
    issuer = address_of(provider).replace("127.0.0.1", "localhost")
    rules = SignInRules(frozenset({"oidc"}), max_age_ms=5 * MINUTE)
    async with httpx.AsyncClient() as client:
        url = address_of(console)
        world = OidcWorld(guard, public_url=url, issuer=issuer, client=client, sign_in_rules=rules)
        async with served(world.app, console), served(world.provider.app, provider):
            yield Office(world, url)


async def test_sign_in_approve_prove_anew_and_sign_out(
    office: Office, chromium: Browser, tmp_path: Path
) -> None:
    """Without scripts, as everything here works."""
    world = office.world
    ordinary, high = await world.held(), await world.held(path="/v1/high", risk=Risk.HIGH)
    async with tab(chromium, tmp_path, scripts=False) as watched:
        page = watched.page
        await page.goto(f"{office.url}/tickets/{ordinary.id}")
        await watched.shot("1-not-signed-in")
        await page.get_by_role("link", name="Sign in").click()
        await page.get_by_role("button", name="bob").click()
        await page.wait_for_url(f"{office.url}/tickets/{ordinary.id}")
        assert await page.get_by_text("Signed in as Bob").is_visible()
        [cookie] = [
            one for one in await page.context.cookies(office.url) if one["name"].startswith("holdgate")
        ]
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["name"]) == (True, "Lax", "holdgate")
        await page.get_by_role("button", name="Approve this request").click()
        await page.get_by_text("Approved by").wait_for()
        assert (await world.now(ordinary)).state is State.APPROVED

        world.memory.now += 6 * MINUTE
        await page.goto(f"{office.url}/tickets/{high.id}")
        await watched.shot("2-too-old")
        assert not await page.get_by_role("button", name="Approve this request").is_visible()
        await page.get_by_role("link", name="Sign in again").click()
        # The provider knows who this is, and asks all the same.
        await page.get_by_role("button", name="bob").click()
        await page.wait_for_url(f"{office.url}/tickets/{high.id}")
        await page.get_by_role("button", name="Approve this request").click()
        await page.get_by_text("Approved by").wait_for()
        assert (await world.now(high)).state is State.APPROVED

        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("heading", name="You are signed out").wait_for()
        await page.goto(office.url)
        await page.get_by_role("heading", name="Sign in first").wait_for()
        assert world.sessions.open == {}
        # What a browser says of a page without being signed in is that it wasn't.
        assert [line for line in watched.complaints if "401" not in line] == []


async def test_another_person_is_not_signed_in_by_a_link_to_somebody_elses_answer(
    office: Office, chromium: Browser, tmp_path: Path
) -> None:
    """The control is the sign-in above: the same answer in the browser that asked for it."""
    dave = office.world.person()
    async with httpx.AsyncClient(base_url=office.url) as client, httpx.AsyncClient() as at_provider:
        dave.console, dave.provider = client, at_provider
        link = await dave.proven("dave", await dave.sent_to())
    async with tab(chromium, tmp_path) as watched:
        await watched.page.goto(f"{office.url}{link}")
        await watched.page.get_by_role("heading", name="You are not signed in").wait_for()
        await watched.shot("3-somebody-elses")
    assert office.world.sessions.open == {}
