"""docs/compatibility-envoy.md names tests that are there, and every file of this folder is in it."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
HERE = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "compatibility-envoy.md"
ROW = re.compile(r"^\| (?!what |---)(.+?) \| (.+) \|$", re.MULTILINE)
REFERENCE = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def references() -> list[tuple[Path, str]]:
    found = [
        reference
        for _, shown in ROW.findall(PAGE.read_text("utf-8"))
        for reference in REFERENCE.findall(shown)
    ]
    return [
        (TESTS / file if file.startswith(("e2e/", "chaos/")) else HERE / file, name) for file, name in found
    ]


def test_every_row_names_a_test() -> None:
    rows = ROW.findall(PAGE.read_text("utf-8"))
    assert len(rows) > 40
    assert [what for what, shown in rows if not REFERENCE.search(shown)] == []


def test_every_named_test_is_there() -> None:
    missing = [
        f"{path.name}::{name}"
        for path, name in references()
        if not re.search(rf"^def {name}\(", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_file_here_is_named() -> None:
    files = {path for path in HERE.rglob("test_*.py") if path != Path(__file__)}
    assert files - {path for path, _ in references()} == set()
