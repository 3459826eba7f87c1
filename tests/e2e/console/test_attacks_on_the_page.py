"""What others wrote stays text on the pages, too: every attack of the cards' corpus in every place, in a browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from markupsafe import Markup
from playwright.async_api import Browser, Page

from authz.domain.break_glass import Review
from authz.domain.ticket import Ticket
from authz.domain.token import ticket_id
from authz.entrypoints.console import pages
from authz.entrypoints.console.demo_address import one_time_address
from tests.e2e.console.conftest import Live
from tests.e2e.console.test_review_in_chromium import Watched, tab
from tests.unit.console.world import KEY
from tests.unit.teams.attacked import (
    OF_REQUEST,
    OF_REVIEWS,
    OF_VOTES,
    ON_WHOLE_CARDS,
    attacked,
    attacked_body,
    attacked_review,
    mark,
)
from tests.unit.teams.attacks import ATTACKS
from tests.unit.teams.test_text import hidden

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(240)]

PLAIN_TAGS: Final = {
    *(
        "main",
        "header",
        "nav",
        "section",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "span",
        "strong",
        "bdi",
        "br",
        "a",
        "pre",
        "time",
    ),
    *("blockquote", "dl", "dt", "dd", "ul", "ol", "li", "details", "summary"),
    *("form", "input", "label", "textarea", "button"),
}
OWN_LINKS: Final = ("/tickets/", "/break-glass", "/?before=")
LONGEST: Final = 2000
"""What is sent in a request's head is bounded by Envoy, and all these places together are more than that."""

_SEEN = """() => {
  const all = selector => Array.from(document.querySelectorAll("main " + selector))
  return {
    tags: [...new Set(all("*").map(element => element.tagName.toLowerCase()))],
    links: all(":is([href], [src], [action], [formaction])").map(
      one => ["href", "src", "action", "formaction"].map(name => one.getAttribute(name)).find(value => value !== null)),
    text: document.querySelector("main").textContent,
  }
}"""


async def problems(page: Page, fields: tuple[str, ...]) -> list[str]:
    """Return what on the open page is obeyed instead of shown, hidden, or not there."""
    seen = await page.evaluate(_SEEN)
    text: str = seen["text"]
    return [
        *(f"an element {tag}" for tag in sorted(set(seen["tags"]) - PLAIN_TAGS)),
        *(f"a link {link}" for link in seen["links"] if link != "/" and not link.startswith(OWN_LINKS)),
        *(f"hidden {character!r}" for character in hidden(text.replace("\n", "").replace("\t", ""))),
        *(f"{field} is not shown" for field in fields if not _shown(mark(field), text)),
    ]


def _shown(words: str, text: str) -> bool:
    """Whether the words are there, also where the page writes every letter beyond ASCII as an escape."""
    return words in text or words.encode("ascii", "backslashreplace").decode() in text


def put(live: Live, number: int, attack: str) -> tuple[Ticket, Review]:
    """Keep a ticket and a use of break-glass with an attack wherever there may be one."""
    memory, now = live.world.memory, live.world.memory.now
    identifier = ticket_id(0, number.to_bytes(16))
    one = attacked(attack)
    held = replace(
        one,
        draft=replace(one.draft, id=identifier),
        created_at=now,
        expires_at=now + 60_000,
        ending=None,
    )
    memory.tickets[identifier] = held
    memory.bodies[identifier] = attacked_body(attack, "json")
    review = attacked_review(attack, done=False)
    review = replace(review, draft=replace(review.draft, id=identifier), used_at=now, due_at=now + 60_000)
    live.world.reviews.kept[identifier] = review
    return held, review


async def signed_in(live: Live, watched: Watched) -> Page:
    await watched.page.goto(one_time_address(live.url, KEY))
    await watched.page.get_by_role("button", name="Bob").click()
    await watched.page.get_by_role("heading", name="Waiting requests").wait_for()
    return watched.page


async def test_every_attack_stays_text(live: Live, chromium: Browser, tmp_path: Path) -> None:
    found: dict[str, list[str]] = {}
    votes = tuple(field for field in OF_VOTES if field.startswith("vote-"))
    async with tab(chromium, tmp_path, scripts=True) as watched:
        page = await signed_in(live, watched)
        fetched: list[str] = []
        page.on("request", lambda request: fetched.append(request.url))
        for number, (name, attack) in enumerate(ATTACKS.items()):
            ticket, review = put(live, number, attack[:LONGEST])
            await page.goto(f"{live.url}/tickets/{ticket.id}", wait_until="domcontentloaded")
            wrong = await problems(page, (*OF_REQUEST, *ON_WHOLE_CARDS, *votes, "body"))
            await page.goto(f"{live.url}/break-glass/{review.id}", wait_until="domcontentloaded")
            wrong += await problems(page, (*OF_REQUEST, *OF_REVIEWS))
            if wrong:
                found[name] = wrong
        await page.goto(f"{live.url}/")
        if wrong := await problems(page, ()):
            found["the list"] = wrong
    assert found == {}
    assert watched.complaints == []
    assert [url for url in fetched if not url.startswith(f"{live.url}/")] == []


async def test_unescaped_text_would_be_seen(
    live: Live, chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with text taken as markup, the browser finds a link, a picture, and a script to refuse."""
    for name in ("prose", "wire", "lines"):
        monkeypatch.setitem(pages._environment.filters, name, Markup)
    async with tab(chromium, tmp_path) as watched:
        page = await signed_in(live, watched)
        ticket, _ = put(live, 0, ATTACKS["html"] + ATTACKS["html link"] + ATTACKS["bidi override"])
        await page.goto(f"{live.url}/tickets/{ticket.id}")
        wrong = await problems(page, ())
    assert {"an element img", "an element script", "a link https://evil.example", "hidden '\\u202e'"} <= {
        *wrong
    }
    assert any("Content Security Policy" in complaint for complaint in watched.complaints)
