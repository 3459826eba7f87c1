"""docs/client.md says of every answer what there is, and shows nothing that isn't tried."""

from __future__ import annotations

import re
from pathlib import Path

from authz.domain.decision import _HELD_STATUSES
from authz.domain.problems import Problem
from tests.e2e.client_docs.page import PAGE, labels

TRIED: dict[str, tuple[str, ...]] = {
    "sh curl": ("test_curl.py",),
    "sh curl-retry": ("test_curl.py",),
    "sh cancel": ("test_curl.py",),
    "sh approved.sh": ("test_programs.py", "test_shell.py"),
    "sh script": ("test_programs.py",),
    "yaml step": ("test_programs.py",),
    "hcl terraform": ("test_terraform.py",),
    "rego kubernetes": ("test_kubectl.py",),
    "python agent": ("test_agent.py",),
    "text prompt": (),  # words for a model
    "rego mcp": ("test_mcp.py",),
    "python library": ("test_programs.py",),
    "js approved.mjs": ("test_programs.py", "test_browser.py"),
    "js fetch": ("test_programs.py",),
    "go main.go": ("test_programs.py",),
    "java Approved.java": ("test_programs.py",),
}
"""Each block's label, and which tests run it."""
TEXT = PAGE.read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    """Return the cells of the table of answers."""
    table = TEXT.partition("## Every answer")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_the_table_names_every_problem_with_its_status_once() -> None:
    """A row of several problems has a status for each; a hold is one problem with several statuses."""
    named: list[tuple[str, int]] = []
    for status, types, *_ in rows():
        slugs = re.findall(r"\[`([a-z-]+)`\]\(problems/\1\.md\)", types)
        statuses = re.findall(r"\d{3}", status)
        assert slugs == ["held"] or not slugs or len(statuses) == len(slugs), types
        named += zip(slugs, map(int, statuses), strict=False)
        if slugs == ["held"]:
            assert set(map(int, statuses)) == _HELD_STATUSES
    assert sorted(named) == sorted((each.value.slug, each.value.status) for each in Problem)


def test_every_row_says_what_happened_and_what_to_do() -> None:
    assert {len(cells) for cells in rows()} == {4}
    assert all(all(cells) for cells in rows())


def test_every_block_is_one_that_is_tried() -> None:
    assert labels() == list(TRIED)
    for label, tests in TRIED.items():
        for test in tests:
            assert f'"{label}"' in (Path(__file__).parent / test).read_text(encoding="utf-8"), label


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(((?!https?:)[^)]+)\)", TEXT)
    assert links
    for link in links:
        name, _, anchor = link.partition("#")
        page = PAGE if not name else PAGE.parent / name
        assert page.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, link


def slug(heading: str) -> str:
    """Return a heading's anchor, as code hosts make it."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
