"""People decide in a real browser, which enforces the content policy and fills in Origin and Sec-Fetch-Site."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, Request
from starlette.responses import HTMLResponse

from authz.domain.approver import Approver, ApproverKind
from authz.domain.ticket import State, Ticket
from authz.entrypoints.console import form, security_headers
from authz.entrypoints.console.demo_address import one_time_address
from tests.e2e.console.conftest import Live
from tests.support.served_console import address_of, loopback_socket, served
from tests.unit.console.world import KEY

pytestmark = pytest.mark.chromium

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
NASTY = "/v1/resources/42\u202e/gnp.<script>alert(1)</script>/a%2Fb"


class Watched:
    """A page, and everything that a browser complains about on it."""

    def __init__(self, page: Page, shots: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.posts: list[Request] = []
        self._shots = shots
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.posts.append(request) if request.method == "POST" else None)

    async def shot(self, name: str) -> None:
        await self.page.screenshot(path=self._shots / f"{name}.png", full_page=True)

    async def fits(self) -> bool:
        """Whether nothing has to be scrolled sideways."""
        size = self.page.viewport_size
        return (
            size is not None
            and await self.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        )


@asynccontextmanager
async def tab(
    chromium: Browser,
    shots: Path,
    *,
    size: dict[str, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    scripts: bool = True,
) -> AsyncIterator[Watched]:
    context = await chromium.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme=scheme,
        java_script_enabled=scripts,
        is_mobile=size is PHONE,
    )
    yield Watched(await context.new_page(), shots)
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_sign_in_approve_and_reject(
    live: Live, chromium: Browser, tmp_path: Path, size: dict[str, int], scheme: Literal["light", "dark"]
) -> None:
    body = (
        b'{"force":true,"reason":"clean-up after the migration","targets":["db-orders","db-orders-replica"]}'
    )
    approvers = (Approver(ApproverKind.GROUP, "sre", count=2), Approver(ApproverKind.GROUP, "security"))
    first = await live.world.held(path=NASTY, body=body)
    second = await live.world.held(path="/v1/resources/7", query=None, body=b"")
    third = await live.world.held(path="/v1/deployments", method="POST", approvers=approvers)
    async with tab(chromium, tmp_path, size=size, scheme=scheme) as watched:
        page = watched.page
        await page.goto(one_time_address(live.url, KEY))
        await watched.shot("1-picker")
        assert await watched.fits()
        await page.get_by_role("button", name="Bob").click()
        await page.get_by_role("heading", name="Waiting requests").wait_for()
        assert "secret" not in page.url
        await watched.shot("2-waiting")
        assert await watched.fits()

        await page.locator(f"a[href='/tickets/{first.id}']").click()
        await watched.shot("3-ticket")
        assert await watched.fits()
        await page.get_by_label("Comment").fill("Agreed with the team.")
        await page.get_by_role("button", name="Approve this request").click()
        await page.get_by_text("Approved by").wait_for()
        await watched.shot("4-approved")
        assert (await live.world.now(first)).state is State.APPROVED

        await page.goto(f"{live.url}/tickets/{second.id}")
        await page.get_by_role("button", name="Reject").click()  # the browser asks for the comment first
        assert await page.get_by_label("Why not?").evaluate("field => field.validity.valueMissing")
        assert (await live.world.now(second)).state is State.PENDING
        await page.get_by_label("Why not?").fill("Still in use.\nAsk again next week.")
        await page.get_by_role("button", name="Reject").click()
        await page.get_by_text("Rejected by").wait_for()
        await watched.shot("5-rejected")
        assert (await live.world.now(second)).state is State.REJECTED

        await page.goto(f"{live.url}/tickets/{third.id}")
        await page.get_by_role("button", name="Approve this request").click()
        await page.get_by_text("You have approved this.").wait_for()
        await watched.shot("6-more-needed")
        assert await watched.fits()
        assert watched.complaints == []
        for post in watched.posts:
            sent = await post.all_headers()
            # What Chromium makes of `Referrer-Policy: no-referrer`; the origin check has to live with it.
            assert (sent["origin"], sent["sec-fetch-site"]) == ("null", "same-origin")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_withdraw_approve_revoke_and_review(
    live: Live, chromium: Browser, tmp_path: Path, size: dict[str, int], scheme: Literal["light", "dark"]
) -> None:
    """People change their minds: before the decision, and after it."""
    ticket = await live.world.held(
        approvers=(Approver(ApproverKind.GROUP, "sre", count=2),),
        justification="The migration is done, and the old replica\u202e costs money.",
    )
    review = await live.world.broken_glass()
    async with tab(chromium, tmp_path, size=size, scheme=scheme) as watched:
        page = watched.page

        async def become(name: str) -> None:
            await page.get_by_role("link", name="Switch person").click()
            await page.get_by_role("button", name=name).click()
            await page.get_by_text(f"Signed in as {name}").wait_for()
            await page.goto(f"{live.url}/tickets/{ticket.id}")

        await page.goto(one_time_address(live.url, KEY))
        await page.get_by_role("button", name="Bob").click()
        await page.goto(f"{live.url}/tickets/{ticket.id}")
        await page.get_by_text("Nobody has checked this.").wait_for()
        await page.get_by_role("button", name="Approve this request").click()
        await page.get_by_role("button", name="Withdraw my vote").click()
        await page.get_by_role("button", name="Approve this request").wait_for()
        assert (await live.world.now(ticket)).votes == ()

        await page.get_by_role("button", name="Approve this request").click()
        await page.get_by_role("button", name="Withdraw my vote").wait_for()
        await watched.shot("8-voted")
        assert await watched.fits()
        await become("Carol")
        await page.get_by_role("button", name="Approve this request").click()
        await page.get_by_role("button", name="Revoke the approval").wait_for()
        assert (await live.world.now(ticket)).state is State.APPROVED
        await watched.shot("9-granted")
        assert await watched.fits()

        await become("Alice")  # who asked
        await page.get_by_label("Why?").fill("The wrong replica.\nSorry.")
        await page.get_by_role("button", name="Revoke the approval").click()
        await page.get_by_text("Revoked by Alice").wait_for()
        after = await live.world.now(ticket)
        assert after.state is State.REVOKED
        assert after.ending is not None
        assert after.ending.comment == "The wrong replica.\nSorry."
        await watched.shot("10-revoked")
        assert await watched.fits()

        await become("Bob")
        await page.get_by_role("link", name="Break-glass").click()
        await watched.shot("11-break-glass")
        assert await watched.fits()
        await page.locator(f"a[href='/break-glass/{review.id}']").click()
        await page.get_by_label("What did you find?").fill("It was needed.")
        await watched.shot("12-review")
        assert await watched.fits()
        await page.get_by_role("button", name="Finish the review").click()
        await page.get_by_text("Reviewed by Bob").wait_for()
        assert live.world.reviews.kept[review.id].done_at is not None
        assert watched.complaints == []


async def test_without_javascript_everything_works(live: Live, chromium: Browser, tmp_path: Path) -> None:
    ticket = await live.world.held()
    review = await live.world.broken_glass()
    async with tab(chromium, tmp_path, scripts=False) as watched:
        page = watched.page
        await page.goto(one_time_address(live.url, KEY))
        await page.get_by_role("button", name="Bob").click()
        await page.goto(f"{live.url}/tickets/{ticket.id}")
        await page.get_by_role("button", name="Approve this request").click()
        await page.get_by_text("Approved by").wait_for()
        await page.goto(f"{live.url}/break-glass")
        await page.locator(f"a[href='/break-glass/{review.id}']").click()
        await page.get_by_label("What did you find?").fill("It was needed.")
        await page.get_by_role("button", name="Finish the review").click()
        await page.get_by_text("Reviewed by Bob").wait_for()
        await page.goto(f"{live.url}/nowhere")
        await page.get_by_role("link", name="To the waiting requests").click()
        await page.get_by_role("link", name="Switch person").click()
        await page.get_by_role("button", name="Alice").click()
        await page.get_by_text("Signed in as Alice").wait_for()
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("heading", name="You are signed out").wait_for()
    assert (await live.world.now(ticket)).state is State.APPROVED


async def test_the_requester_and_a_visitor_find_no_buttons(
    live: Live, chromium: Browser, tmp_path: Path
) -> None:
    ticket = await live.world.held()
    async with tab(chromium, tmp_path) as watched:
        page = watched.page
        await page.goto(f"{live.url}/tickets/{ticket.id}")
        await page.get_by_role("heading", name="Sign in first").wait_for()
        await watched.shot("7-signed-out")
        await page.goto(one_time_address(live.url, KEY))
        await page.get_by_role("button", name="Alice").click()
        await page.goto(f"{live.url}/tickets/{ticket.id}")
        await page.get_by_text("You asked for this yourself").wait_for()
        assert await page.get_by_role("button", name="Approve this request").count() == 0
        await watched.shot("8-own")


@asynccontextmanager
async def attacked(live: Live, page: Page, ticket: Ticket) -> AsyncIterator[None]:
    """As bob, open a page that frames the ticket and posts a form with stolen tokens.

    It is served from another port: the same site by the rules of cookies, so that bob's goes along, and another
    origin by all others.
    """
    await page.goto(one_time_address(live.url, KEY))
    await page.get_by_role("button", name="Bob").click()
    target = f"{live.url}/tickets/{ticket.id}"
    await page.goto(target)
    tokens = {
        name: await page.locator(f"form input[name={name}]").first.get_attribute("value")
        for name in ("csrf", "digest")
    }
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in tokens.items())
    html = (
        f'<form method="post" action="{target}/vote">{fields}'
        f'<input name="choice" value="approve"><button>Win</button></form><iframe src="{target}"></iframe>'
    )
    neighbour = loopback_socket()
    async with served(HTMLResponse(html), neighbour):
        await page.goto(address_of(neighbour))
        yield


async def test_a_neighbours_page_can_neither_frame_nor_post(
    live: Live, chromium: Browser, tmp_path: Path
) -> None:
    ticket = await live.world.held()
    async with tab(chromium, tmp_path) as watched, attacked(live, watched.page, ticket):
        assert watched.page.frames[1].url.startswith("chrome-error:")
        assert any("frame-ancestors" in complaint for complaint in watched.complaints)
        await watched.page.get_by_role("button", name="Win").click()
        await watched.page.get_by_text("not sent from the review page").wait_for()
    assert (await live.world.now(ticket)).votes == ()


async def test_control_without_both_guards_the_neighbour_frames_and_votes(
    live: Live, chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form, "check_origin", lambda *_: None)
    for name in ("content-security-policy", "x-frame-options"):
        monkeypatch.delitem(security_headers.SECURITY_HEADERS, name)
    ticket = await live.world.held()
    async with tab(chromium, tmp_path) as watched, attacked(live, watched.page, ticket):
        await watched.page.frames[1].get_by_text("What will run").wait_for()
        await watched.page.get_by_role("button", name="Win").click()
        await watched.page.get_by_text("Approved by").wait_for()
    assert (await live.world.now(ticket)).state is State.APPROVED
