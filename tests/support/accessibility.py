"""What axe finds wrong with a page, by the rules of WCAG 2.2 AA that a program can check."""

from __future__ import annotations

from typing import Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]

_RUN: Final = """async rules => {
  const found = await axe.run(document, {runOnly: {type: "tag", values: rules}, resultTypes: ["violations"]})
  return found.violations.flatMap(one => one.nodes.map(node =>
    `${one.id}: ${node.html.slice(0, 200)} (${node.failureSummary.replaceAll("\\n", " ")})`))
}"""


async def barriers(page: Page) -> list[str]:
    """Return what would keep somebody from using the page as it is now, empty for nothing."""
    await page.evaluate(AXE_SCRIPT)
    found: list[str] = await page.evaluate(_RUN, _RULES)
    return found
