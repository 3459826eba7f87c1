"""The chat room in a browser: its cards drawn as Teams would, each with a button that opens the page beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from authz.entrypoints.demo.ports import LOOPBACK
from authz.entrypoints.demo.room_card import RoomCard

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_HERE: Final = Path(__file__).parent
_STATIC: Final = {"room.css": "text/css", "room.js": "text/javascript"}


def room_address(port: int, ticket_id: str = "") -> str:
    """Return where the room is drawn, or in it the cards of one ticket."""
    return f"http://{LOOPBACK}:{port}/" + (f"cards/{ticket_id}" if ticket_id else "")


class RoomPages:
    """Draws what `messages` returns, oldest first: Workflows envelopes, each with one Adaptive Card."""

    def __init__(self, messages: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        self._messages = messages
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.tests["web"] = _is_web
        self._template = environment.get_template("room.html")

    def routes(self) -> list[Route]:
        """Return the pages: the whole room at `/`, the cards of one ticket at `/cards/ID`."""
        return [
            Route("/", self._room, methods=["GET"]),
            Route("/cards/{ticket}", self._cards, methods=["GET"]),
            Route("/{name:str}", _static, methods=["GET"]),
        ]

    async def _room(self, _request: Request) -> Response:
        return self._page("Chat room", [_card(message) for message in self._messages()])

    async def _cards(self, request: Request) -> Response:
        wanted = request.path_params["ticket"]
        cards = [_card(message) for message in self._messages() if RoomCard(message).ticket_id == wanted]
        return self._page("The cards of one ticket", cards, one=True)

    def _page(self, title: str, cards: Sequence[Mapping[str, Any]], *, one: bool = False) -> Response:
        html = self._template.render(title=title, cards=cards, one=one)
        return HTMLResponse(html, 200 if cards or not one else 404, HEADERS)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        return Response("There is no such page.\n", 404, HEADERS, "text/plain")
    return FileResponse(_HERE / "static" / name, headers=HEADERS, media_type=_STATIC[name])


def _card(message: Mapping[str, Any]) -> Mapping[str, Any]:
    card: Mapping[str, Any] = message["attachments"][0]["content"]
    return card


def _is_web(address: str) -> bool:
    """Whether a click opens a page, and runs nothing."""
    return address.startswith(("http://", "https://"))
