"""What docs/client.md shows: its fenced blocks, by what stands after the backticks."""

from __future__ import annotations

from typing import Final

from tests.integration.policies.guide import ROOT, block, blocks

PAGE: Final = ROOT / "docs" / "client.md"
RESOURCE: Final = "db-orders"
"""What the page's examples delete."""


def labels() -> list[str]:
    """Return what stands after the backticks of each block."""
    return [found.label for found in blocks(PAGE)]


def shown(label: str, resource: str = RESOURCE) -> str:
    """Return the text of the only block with this label, about another resource."""
    return block(label, PAGE).replace(RESOURCE, resource)
