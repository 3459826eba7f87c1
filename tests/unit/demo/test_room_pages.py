"""The chat room's pages draw cards, and obey nothing in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from authz.adapters.teams import elements
from authz.entrypoints.demo.room_pages import HEADERS, RoomPages
from tests.e2e.cards.kinds import held, posted
from tests.unit.teams.attacks import ATTACKS

TICKET = held()


def envelope_of(card: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "message", "attachments": [{"content": card}]}


def room(*cards: Mapping[str, Any]) -> httpx.AsyncClient:
    messages = [envelope_of(card) for card in cards]
    app = Starlette(routes=RoomPages(lambda: messages).routes())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:1")


async def test_the_room_shows_every_card_and_a_tickets_page_its_own() -> None:
    other = {
        **posted(TICKET),
        "actions": [{"type": "Action.OpenUrl", "title": "Other", "url": "https://x/tickets/1"}],
    }
    async with room(posted(TICKET), other) as browser:
        whole = (await browser.get("/")).text
        own = (await browser.get(f"/cards/{TICKET.id}")).text
    assert (whole.count("<article"), own.count("<article")) == (2, 1)
    assert "Other" not in own
    assert f'href="https://holdgate.example/tickets/{TICKET.id}"' in own


async def test_a_ticket_without_a_card_is_said_to_have_none() -> None:
    async with room(posted(TICKET)) as browser:
        answer = await browser.get("/cards/0-unknown")
    assert answer.status_code == 404
    assert "No card about this ticket." in answer.text


async def test_an_empty_room_says_so() -> None:
    async with room() as browser:
        answer = await browser.get("/")
    assert (answer.status_code, "No card yet." in answer.text) == (200, True)


@pytest.mark.parametrize("name", ["room.css", "room.js"])
async def test_its_own_files_are_served_and_no_others(name: str) -> None:
    async with room() as browser:
        assert (await browser.get(f"/{name}")).status_code == 200
        for other in ("/room.html", "/..%2froom.py", "/static/room.css"):
            assert (await browser.get(other)).status_code == 404


async def test_every_answer_lets_no_script_but_its_own_run() -> None:
    async with room(posted(TICKET)) as browser:
        for path in ("/", f"/cards/{TICKET.id}", "/room.js", "/nothing"):
            assert (await browser.get(path)).headers.items() >= HEADERS.items()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_texts_are_escaped_once_and_whole(attack: str) -> None:
    text = attack.encode("utf-8", "replace").decode()[:3000]
    card = {"body": [elements.own_words(text)], "fallbackText": text, "actions": []}
    async with room(card) as browser:
        html = (await browser.get("/")).text
    assert re.findall(r"<(script|img|svg|iframe|style|base|plaintext|b|at)\b", html) == ["script"]
    assert "<script>" not in html
    assert "javascript:" not in "".join(re.findall(r'href="([^"]*)"', html))


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "file:///etc"])
async def test_a_button_that_opens_no_page_is_none(url: str) -> None:
    card = {**posted(TICKET), "actions": [{"type": "Action.OpenUrl", "title": "Go", "url": url}]}
    async with room(card, posted(TICKET)) as browser:
        html = (await browser.get("/")).text
    assert html.count('class="button"') == 1
