"""Every page is usable by everybody, as far as a program can tell: WCAG 2.2 AA, light and dark, large and small."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.async_api import Browser
from starlette.applications import Starlette

from authz.domain.approver import Approver, ApproverKind
from authz.domain.requirement import Risk
from authz.entrypoints.console.demo_address import one_time_address
from authz.entrypoints.demo.room_pages import RoomPages
from authz.services.permissions import Action
from tests.e2e.cards.kinds import kinds
from tests.e2e.console.conftest import Live
from tests.e2e.console.test_review_in_chromium import DESKTOP, NASTY, PHONE, Watched, tab
from tests.e2e.console.test_sign_in_in_chromium import Office, office
from tests.support.accessibility import barriers
from tests.support.served_console import address_of, loopback_socket, served
from tests.unit.console.world import KEY

__all__ = ["office"]

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(120)]

Scheme = Literal["light", "dark"]
TWO: Final = (Approver(ApproverKind.GROUP, "sre", count=2), Approver(ApproverKind.GROUP, "security"))


class Tour:
    """Looks at page after page, and remembers what is wrong with each."""

    def __init__(self, watched: Watched) -> None:
        self.page = watched.page
        self._watched = watched
        self.seen: list[str] = []
        self.found: dict[str, list[str]] = {}

    async def look(self, name: str, heading: str) -> None:
        """Look at the page that is open, once it has this heading."""
        await self.page.get_by_role("heading", name=heading).first.wait_for()
        await self.page.wait_for_load_state()  # a heading is there before the style sheet
        wrong = await barriers(self.page)
        if not await self._watched.fits():
            wrong.append("has to be scrolled sideways")
        self.seen.append(name)
        if wrong:
            self.found[name] = wrong

    async def open(self, url: str, name: str, heading: str) -> None:
        await self.page.goto(url)
        await self.look(name, heading)

    async def press(self, button: str, name: str, heading: str) -> None:
        await self.page.get_by_role("button", name=button).first.click()
        await self.look(name, heading)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    chosen: Scheme = request.param
    return chosen


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def size(request: pytest.FixtureRequest) -> dict[str, int]:
    chosen: dict[str, int] = request.param
    return chosen


@pytest.fixture
async def tour(
    chromium: Browser, tmp_path: Path, size: dict[str, int], scheme: Scheme
) -> AsyncIterator[Tour]:
    async with tab(chromium, tmp_path, size=size, scheme=scheme) as watched:
        yield Tour(watched)


async def test_the_pages_of_a_ticket(live: Live, tour: Tour) -> None:
    url = live.url
    waiting = await live.world.held(path=NASTY, justification="It costs money.", approvers=TWO)
    await tour.open(url, "not signed in", "Sign in first")
    await tour.open(one_time_address(url, KEY), "people to choose from", "Who are you")
    await tour.press("Bob", "waiting requests", "Waiting requests")
    await tour.open(f"{url}/tickets/{waiting.id}", "a ticket to decide", "Waiting")
    await tour.page.get_by_label("Comment").fill("Agreed.")
    await tour.press("Approve this request", "one's own vote", "Waiting")
    await tour.press("Withdraw my vote", "a vote withdrawn", "Waiting")

    scoped = await live.world.held(scope="kubectl", risk=Risk.HIGH, uses=3, body_ignores=("/force",))
    await tour.open(f"{url}/tickets/{scoped.id}", "a high risk and a scope", "Waiting")
    loose = await live.world.held(path="/v1/loose", body_checked=False, requester_person=None)
    await tour.open(f"{url}/tickets/{loose.id}", "an unchecked body", "Waiting")
    long = await live.world.held(path="/v1/" + "long/" * 400, body=b"x" * 100_000, method="POST")
    await tour.open(f"{url}/tickets/{long.id}", "a long request", "Waiting")
    await tour.page.get_by_label("Why not?").fill("No.")
    await tour.press("Reject", "a rejected ticket", "Rejected")

    plain = await live.world.held(path="/v1/plain")
    await tour.open(f"{url}/tickets/{plain.id}", "a ticket for one", "Waiting")
    live.world.rule.denied.add(Action.APPROVE)
    await tour.press("Approve this request", "a vote that was refused", "Waiting")
    await tour.page.get_by_role("alert").wait_for()
    live.world.rule.denied.clear()
    await tour.page.goto(f"{url}/tickets/{plain.id}")
    await tour.page.locator("input[name=digest]").first.evaluate("field => field.value = '0'.repeat(64)")
    await tour.press("Approve this request", "a form that was changed", "")
    await tour.page.goto(f"{url}/tickets/{plain.id}")
    await tour.press("Approve this request", "an approved ticket", "Approved")

    await tour.open(f"{url}/tickets/0-aaaaaaaaaaaaaaaaaaaaaaaaaa", "no such ticket", "")
    await tour.open(f"{url}/nowhere", "no such page", "")
    last = await live.world.held(path="/v1/last")
    await tour.page.goto(f"{url}/tickets/{last.id}")
    live.world.rule.denied.add((Action.VIEW, last.id))
    await tour.page.get_by_label("Why not?").fill("No.")
    await tour.press("Reject", "a vote of who may not look", "Your rejection was recorded")
    await tour.open(f"{url}/tickets/{last.id}", "a ticket that one may not see", "")
    live.world.rule.denied.clear()
    await tour.page.goto(url)
    await tour.press("Sign out", "signed out", "You are signed out")
    assert tour.found == {}
    assert len(tour.seen) == 19


async def test_the_pages_of_break_glass(live: Live, tour: Tour) -> None:
    review = await live.world.broken_glass()
    await tour.page.goto(one_time_address(live.url, KEY))
    await tour.press("Bob", "waiting requests with a use of break-glass", "Waiting requests")
    await tour.open(f"{live.url}/break-glass", "uses of break-glass", "Break-glass")
    await tour.open(f"{live.url}/break-glass/{review.id}", "a use of break-glass", "What")
    await tour.page.get_by_label("What did you find?").fill("It was needed.")
    await tour.press("Finish the review", "a finished review", "What")
    await tour.open(f"{live.url}/break-glass", "none left to review", "Break-glass")
    assert tour.found == {}


async def test_the_pages_of_signing_in(office: Office, tour: Tour) -> None:
    ticket = await office.world.held(risk=Risk.HIGH)
    await tour.open(f"{office.url}/tickets/{ticket.id}", "not signed in", "Sign in first")
    await tour.open(
        f"{office.url}/sign-in/back?state=x&code=y", "a way back that nobody began", "You are not signed in"
    )
    await tour.page.goto(f"{office.url}/tickets/{ticket.id}")
    await tour.page.get_by_role("link", name="Sign in").click()
    await tour.page.get_by_role("button", name="bob").click()
    await tour.look("a ticket of a high risk", "Waiting")
    office.world.memory.now += 6 * 60_000
    await tour.open(f"{office.url}/tickets/{ticket.id}", "a sign-in that is too old", "Waiting")
    await tour.press("Sign out", "signed out", "You are signed out")
    assert tour.found == {}


async def test_the_demos_chat_room(tour: Tour) -> None:
    messages = [{"attachments": [{"content": card}]} for name, card in kinds() if not name.startswith("bot-")]
    bound = loopback_socket()
    async with served(Starlette(routes=RoomPages(lambda: messages).routes()), bound):
        await tour.open(address_of(bound), "the room", "Chat room")
        await tour.open(f"{address_of(bound)}/cards/none", "no card", "The cards of one ticket")
    assert tour.found == {}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("document.querySelector('main').style.color = '#999'", "color-contrast"),
        ("document.querySelectorAll('label').forEach(label => label.remove())", "label"),
        ("document.documentElement.removeAttribute('lang')", "html-has-lang"),
        ("document.querySelector('button').textContent = ''", "button-name"),
    ],
)
async def test_what_is_wrong_would_be_found(
    live: Live, chromium: Browser, tmp_path: Path, change: str, rule: str
) -> None:
    """The control."""
    ticket = await live.world.held()
    async with tab(chromium, tmp_path) as watched:
        await watched.page.goto(one_time_address(live.url, KEY))
        await watched.page.get_by_role("button", name="Bob").click()
        await watched.page.goto(f"{live.url}/tickets/{ticket.id}")
        assert await barriers(watched.page) == []
        await watched.page.evaluate(change)
        assert rule in {found.partition(":")[0] for found in await barriers(watched.page)}
