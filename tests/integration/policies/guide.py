"""What docs/policies.md and docs/approvals.md show: their code blocks and the command that runs OPA."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
POLICIES: Final = ROOT / "policies"
GUIDE: Final = ROOT / "docs" / "policies.md"
APPROVALS: Final = ROOT / "docs" / "approvals.md"

_FENCED: Final = re.compile(r"^```(?P<label>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: `label` is all that follows the backticks, such as `json input`."""

    label: str
    text: str


def blocks(page: Path = GUIDE) -> list[Block]:
    """Return a page's fenced blocks in their order."""
    return [Block(found["label"].strip(), found["text"]) for found in _FENCED.finditer(page.read_text())]


def block(label: str, page: Path = GUIDE) -> str:
    """Return the text of the only block with this label. Raises ValueError when there isn't exactly one."""
    (only,) = (found.text for found in blocks(page) if found.label == label)
    return only


def opa_command() -> list[str]:
    """Return the words of the documented `opa run`, to be started in a folder that has `policies/`."""
    return shlex.split(block("console").removeprefix("$ ").replace("\\\n", " "))


def documented_keys() -> set[str]:
    """Return the first column of the only table of docs/approvals.md."""
    return set(re.findall(r"^\| `([a-z_.]+)` \|", APPROVALS.read_text(), re.MULTILINE))
