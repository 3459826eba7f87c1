"""Draws every kind of card, light and dark, in a channel and on a phone: `make cards`."""

from __future__ import annotations

import asyncio
import shutil
import sys
from html import escape
from itertools import product
from pathlib import Path
from typing import Final, get_args

from playwright.async_api import async_playwright

from tests.e2e.cards.host_config import Theme
from tests.e2e.cards.kinds import kinds
from tests.e2e.cards.renderer import CHANNEL, PHONE, CardRenderer
from tests.e2e.console.conftest import FLAGS
from tools.system_packages import PACKAGES

FOLDER: Final = Path(__file__).resolve().parents[3] / ".run" / "cards"
WIDTHS: Final = {"channel": CHANNEL, "phone": PHONE}


async def main() -> None:
    """Write the pictures and an index of them."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    chromium = PACKAGES["chromium"].program()
    if chromium is None:
        sys.exit("Cards are drawn in Chromium: install it (Debian: apt-get install chromium).")
    cards = dict(kinds())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme, (place, width) in product(get_args(Theme), WIDTHS.items()):
            renderer = await CardRenderer.on(browser, theme, width=width, scale=1.5)
            for name, card in cards.items():
                await renderer.draw(card)
                await renderer.shot(FOLDER / f"{name}-{place}-{theme}.png")
            await renderer.close()
        await browser.close()
    (FOLDER / "index.html").write_text(_index(list(cards)), "utf-8")
    print(f"{len(cards)} kinds of card: {FOLDER / 'index.html'}")  # noqa: T201 - a command prints


def _index(names: list[str]) -> str:
    rows = "".join(f"<h2>{escape(name)}</h2><p>{_pictures(name)}</p>" for name in names)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Cards</title><h1>Cards</h1>{rows}</html>'


def _pictures(name: str) -> str:
    files = (f"{name}-{place}-{theme}.png" for theme, place in product(get_args(Theme), WIDTHS))
    return " ".join(f'<img src="{file}" alt="{file}" height="600">' for file in files)


if __name__ == "__main__":
    asyncio.run(main())
