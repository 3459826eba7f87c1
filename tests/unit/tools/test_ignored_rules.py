"""A lint rule is ignored for a reason, and the reason stands beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHON = [path for folder in ("authz", "bench", "tests", "tools") for path in (ROOT / folder).rglob("*.py")]
MARK = "# no" + "qa"  # apart, so that this file has only marks that are meant
IN_A_LINE = re.compile(f"{MARK}(.*)")
A_REASON = re.compile(r": [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)*\s+(?:- )?\w.+")
IN_A_LIST = re.compile(r'^\s*"[A-Z]+[0-9]+",(.*)$')


def without_reason(text: str) -> list[str]:
    """Return the lines of a Python file that ignore a rule and don't say why."""
    found = ((line, IN_A_LINE.search(line)) for line in text.splitlines())
    return [line for line, ignoring in found if ignoring and not A_REASON.fullmatch(ignoring[1])]


def unexplained(description: str) -> list[str]:
    """Return the entries of a description's lists of ignored rules that don't say why."""
    entries = (IN_A_LIST.match(line) for line in description.splitlines())
    return [entry[0] for entry in entries if entry and not re.match(r"\s+# \w", entry[1])]


def test_every_line_that_ignores_a_rule_says_why() -> None:
    files = {path: path.read_text(encoding="utf-8") for path in PYTHON if path.parent.name != "wire"}
    assert sum(MARK in text for text in files.values()) > 50
    assert {str(path): lines for path, text in files.items() if (lines := without_reason(text))} == {}


def test_every_rule_that_the_description_ignores_has_its_reason() -> None:
    description = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert sum(bool(IN_A_LIST.match(line)) for line in description.splitlines()) > 30
    assert unexplained(description) == []


@pytest.mark.parametrize("end", ["", ": S101", ": S101, S603", ": S101 -", ": S101  - "])
def test_a_line_without_a_reason_is_found(end: str) -> None:
    assert without_reason(f"assert x  {MARK}{end}")


def test_an_entry_without_a_reason_is_found() -> None:
    assert unexplained('    "S101", # asserts\n    "S603",\n') == ['    "S603",']
