from __future__ import annotations

from pathlib import Path

import pytest

from tools import problem_pages


def test_the_pages_are_what_is_made() -> None:
    """`python -m tools.problem_pages` mends a difference."""
    made = problem_pages.pages()
    kept = [problem_pages.DOCS / "problems.md", *(problem_pages.DOCS / "problems").iterdir()]
    assert {path: path.read_text(encoding="utf-8") for path in kept} == made


def test_a_page_of_a_problem_that_is_gone_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would describe what nobody is sent any more."""
    monkeypatch.setattr(problem_pages, "DOCS", tmp_path)
    (tmp_path / "problems").mkdir()
    (tmp_path / "problems" / "gone.md").write_text("an old page", encoding="utf-8")
    problem_pages.write()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == problem_pages.pages().keys()
