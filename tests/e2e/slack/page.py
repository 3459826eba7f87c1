"""docs/slack.md, as somebody who follows it reads it: what to type, and what to put where."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = (ROOT / "docs" / "slack.md").read_text(encoding="utf-8")
STEPS: Final = tuple(range(1, 9))

_FENCED: Final = re.compile(r"^```(?P<label>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def step(number: int) -> str:
    """Return the text of one numbered step."""
    found = re.search(rf"^\*\*{number}\. .*?(?=^\*\*{number + 1}\. |^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"there is no step {number}"
    return found[0]


def block(label: str, text: str = PAGE) -> str:
    """Return the one fenced block with this label."""
    (only,) = (found["text"] for found in _FENCED.finditer(text) if found["label"] == label)
    return str(only)


def command(number: int) -> list[str]:
    """Return the words of the one command of a step."""
    (line,) = block("sh", step(number)).splitlines()
    return shlex.split(line)


def manifest(number: int = 1) -> dict[str, Any]:
    """Return the manifest that a step leads to."""
    (path,) = re.findall(r"\]\(\.\./(deploy/slack/[a-z-]+\.yaml)\)", step(number))
    return _read(path)


def http_manifest() -> dict[str, Any]:
    """Return the manifest of those who let Slack call."""
    (path,) = re.findall(r"\]\(\.\./(deploy/slack/[a-z-]+\.yaml)\)", PAGE.partition("## Over HTTP")[2])
    return _read(path)


def settings() -> dict[str, Any]:
    """Return the settings of step 5."""
    found: dict[str, Any] = yaml.safe_load(block("yaml", step(5)))
    return found


def http_channel() -> dict[str, Any]:
    """Return the channel of those who let Slack call."""
    found: dict[str, Any] = yaml.safe_load(block("yaml http"))["channels"]["prod-approvals"]
    return found


def directory() -> dict[str, Any]:
    """Return the people of step 6."""
    found: dict[str, Any] = json.loads(block("json directory", step(6)))["directory"]["people"]
    return found


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    return found
