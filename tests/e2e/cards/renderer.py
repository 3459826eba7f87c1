"""Draws cards in Chromium by the renderer that Teams' clients are built on, Markdown on as there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page, Route

from tests.e2e.cards.host_config import CARD, PAGE, Theme, host_config
from tools.npm import ADAPTIVE_CARDS, MARKDOWN_IT

CHANNEL: Final = 640
PHONE: Final = 360
"""Widths of a card, in pixels: in a channel with `width: Full`, and on a phone."""

_FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Card</title><style>
body { margin: 0; padding: 16px; background: PAGE; font-size: 14px }
#card { width: WIDTHpx; background: CARD; border-radius: 6px; overflow: hidden;
        box-shadow: 0 1px 3px rgb(0 0 0 / 30%) }
.ac-pushButton { padding: 6px 16px; border-radius: 4px; border: 1px solid #8888; background: transparent;
                 color: inherit; font: 600 14px Segoe UI, system-ui, sans-serif; COLOUR }
.ac-pushButton.style-positive { background: #5b5fc7; color: #fff; border-color: transparent }
.ac-pushButton.style-destructive { background: #c4314b; color: #fff; border-color: transparent }
.ac-textInput { width: 100%; padding: 6px; box-sizing: border-box; font: inherit }
</style></head><body><div id="card"></div></body></html>"""

_DRAW = """(card, config) => {
  const markdown = window.markdownit({linkify: true})
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
    result.outputHtml = markdown.render(text)
    result.didProcess = true
  }
  const drawn = new AdaptiveCards.AdaptiveCard()
  drawn.hostConfig = new AdaptiveCards.HostConfig(config)
  const context = new AdaptiveCards.SerializationContext()
  drawn.parse(card, context)
  const refused = Array.from({length: context.eventCount}, (_, i) => context.getEventAt(i).message)
  const element = drawn.render()
  if (element) document.getElementById("card").replaceChildren(element)
  return refused
}"""

_SEEN = """refused => {
  const card = document.getElementById("card")
  const all = selector => Array.from(card.querySelectorAll(selector))
  const text = node => node.nodeType === Node.TEXT_NODE ? node.data : node.nodeName === "BR" ? "\\n"
    : Array.from(node.childNodes).map(text).join("")
  return {
    text: text(card),
    words: card.innerText,
    tags: [...new Set(all("*").map(element => element.tagName.toLowerCase()))].sort(),
    links: all("[href], [src], [srcset], [action], [formaction], [onclick], [onerror]").map(e => e.outerHTML),
    runs: all(".ac-textRun").map(text),
    overflows: card.scrollWidth > card.clientWidth,
    refused: refused,
  }
}"""

# One call for many cards: to and fro costs more than to draw.
_DRAW_ALL = f"([cards, config]) => cards.map(card => ({_SEEN})(({_DRAW})(card, config)))"


@dataclass(frozen=True, slots=True)
class Seen:
    """A drawn card: its text as the document has it, the kinds of element, links of any sort, and each TextRun.

    `words` is the text as somebody reads it. `fetched` are the addresses that the browser wanted while drawing, and
    `refused` what the renderer found wrong with the card. `overflows` says that some of it is cut off at the side.
    """

    text: str
    words: str
    tags: frozenset[str]
    links: tuple[str, ...]
    runs: tuple[str, ...]
    fetched: tuple[str, ...]
    refused: tuple[str, ...]
    overflows: bool


class CardRenderer:
    """One page that draws card after card."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._fetched: list[str] = []

    @classmethod
    async def on(
        cls, browser: Browser, theme: Theme = "light", *, width: int = CHANNEL, scale: float = 1
    ) -> CardRenderer:
        """Open a page for one theme. It reaches nothing: whatever a card asks for is noted and refused."""
        context = await browser.new_context(
            viewport={"width": width + 32, "height": 800}, device_scale_factor=scale, color_scheme=theme
        )
        made = cls(await context.new_page())
        await made._prepare(theme, width)
        return made

    async def _prepare(self, theme: Theme, width: int) -> None:
        async def refuse(route: Route) -> None:
            self._fetched.append(route.request.url)
            await route.abort()

        await self.page.route("**/*", refuse)
        frame = _FRAME.replace("PAGE", PAGE[theme]).replace("CARD", CARD[theme]).replace("WIDTH", str(width))
        await self.page.set_content(
            frame.replace("COLOUR", f"color: {'#242424' if theme == 'light' else '#fff'}")
        )
        for script in (MARKDOWN_IT, ADAPTIVE_CARDS):
            await self.page.add_script_tag(path=script.path)
        self._config = host_config(theme)

    async def draw(self, card: Mapping[str, Any]) -> Seen:
        """Draw a card in the place of the last one."""
        [seen] = await self.draw_all([card])
        return seen

    async def draw_all(self, cards: Sequence[Mapping[str, Any]]) -> list[Seen]:
        """Draw one card after the other; what any of them had the browser fetch is said of each."""
        self._fetched.clear()
        drawn = await self.page.evaluate(_DRAW_ALL, [[dict(card) for card in cards], self._config])
        # By the next frame the browser has asked for whatever a card had it fetch.
        await self.page.evaluate("() => new Promise(requestAnimationFrame)")
        return [
            Seen(
                text=seen["text"],
                words=seen["words"],
                tags=frozenset(seen["tags"]),
                links=tuple(seen["links"]),
                runs=tuple(seen["runs"]),
                fetched=tuple(self._fetched),
                refused=tuple(seen["refused"]),
                overflows=seen["overflows"],
            )
            for seen in drawn
        ]

    async def shot(self, path: Path) -> None:
        """Save a picture of the card as it is drawn now."""
        await self.page.locator("#card").screenshot(path=path)

    async def close(self) -> None:
        """Close the page."""
        await self.page.context.close()
