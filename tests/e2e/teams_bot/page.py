"""docs/teams.md, as somebody who follows it reads it: what to type, and what to put where."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = (ROOT / "docs" / "teams.md").read_text(encoding="utf-8")
STEPS: Final = tuple(range(1, 9))

_FENCED: Final = re.compile(r"^```(?P<label>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def step(number: int) -> str:
    """Return the text of one numbered step."""
    found = re.search(rf"^\*\*{number}\. .*?(?=^\*\*{number + 1}\. |^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"there is no step {number}"
    return found[0]


def block(number: int, label: str) -> str:
    """Return the one fenced block with this label in a step."""
    (only,) = (found["text"] for found in _FENCED.finditer(step(number)) if found["label"] == label)
    return str(only)


def command(number: int) -> list[str]:
    """Return the words of the one command of a step."""
    (line,) = block(number, "sh").splitlines()
    return shlex.split(line)


def serving() -> list[str]:
    """Return the words of the first command by which step 7 starts Holdgate."""
    found = re.search(r"`(holdgate serve [a-z]+)`", step(7))
    assert found, "step 7 starts nothing"
    return shlex.split(found[1])


def settings() -> dict[str, Any]:
    """Return the settings of step 5."""
    found: dict[str, Any] = yaml.safe_load(block(5, "yaml"))
    return found


def directory() -> dict[str, Any]:
    """Return the people of step 6."""
    found: dict[str, Any] = json.loads(block(6, "json directory"))
    return found["directory"]["people"]  # type: ignore[no-any-return]
