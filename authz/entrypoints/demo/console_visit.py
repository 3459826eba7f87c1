"""A browser's part in the walk: signs in on the console as a sample person, reads pages, and votes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from authz.entrypoints.console.demo_address import PATH
from authz.entrypoints.demo.ports import LOOPBACK

_BLOCKS = frozenset({"p", "h1", "h2", "h3", "li", "dt", "dd", "div", "section", "form", "button", "header"})


@dataclass(slots=True)
class Form:
    """One form of a page: where it goes, its hidden fields, and the names of its buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """What a person sees of an answer: the status, the text line by line, and the forms."""

    status: int
    lines: tuple[str, ...]
    forms: tuple[Form, ...]

    def form(self, action: str, **fields: str) -> Form | None:
        """Return the first form that goes to `action` and has these hidden values."""
        return next(
            (form for form in self.forms if form.action == action and fields.items() <= form.fields.items()),
            None,
        )


class ConsoleVisit:
    """One browser session, begun with a one-time secret of the demo."""

    def __init__(self, port: int, secret: str) -> None:
        self.origin = f"http://{LOOPBACK}:{port}"
        # As a browser sends a form of the same origin (Fetch standard); the console refuses others.
        headers = {"origin": self.origin, "sec-fetch-site": "same-origin"}
        self._client = httpx.AsyncClient(base_url=self.origin, headers=headers, trust_env=False, timeout=10)
        self._entry = f"{PATH}?secret={secret}"
        self.pressed_at = 0.0
        """When a button was last pressed, on the clock of `time.monotonic`."""

    async def become(self, person: str) -> Page:
        """Pick a person: with the secret at first, later as a signed-in session that switches."""
        picker = await self._get(self._entry)
        form = picker.form(PATH)
        if form is None:
            return picker
        self._entry = PATH
        return await self._post(form, person=person)

    async def ticket(self, ticket_id: str) -> Page:
        """Open the page of a ticket."""
        return await self._get(f"/tickets/{ticket_id}")

    async def approve(self, ticket_id: str, comment: str) -> Page:
        """Press the approve button of a ticket's page. The page itself comes back where it has none."""
        page = await self.ticket(ticket_id)
        form = page.form(f"/tickets/{ticket_id}/vote", choice="approve")
        return page if form is None else await self._post(form, comment=comment)

    async def close(self) -> None:
        """Forget the session's connection."""
        await self._client.aclose()

    async def _get(self, path: str) -> Page:
        return _read(await self._client.get(path, follow_redirects=True))

    async def _post(self, form: Form, **fields: str) -> Page:
        self.pressed_at = time.monotonic()
        answer = await self._client.post(form.action, data={**form.fields, **fields}, follow_redirects=True)
        return _read(answer)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.blocks: list[str] = [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append(Form(given.get("action") or ""))
        elif tag == "input" and given.get("type") == "hidden" and self.forms:
            self.forms[-1].fields[given.get("name") or ""] = given.get("value") or ""
        if tag in _BLOCKS:
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        self.blocks[-1] += data


def _read(response: httpx.Response) -> Page:
    reader = _Reader()
    reader.feed(response.text)
    lines = (" ".join(block.split()) for block in reader.blocks)
    return Page(response.status_code, tuple(line for line in lines if line), tuple(reader.forms))
