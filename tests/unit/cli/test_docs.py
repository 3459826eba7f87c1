from __future__ import annotations

import re
from pathlib import Path

import pytest

from authz.entrypoints.cli.deliveries.group import deliveries
from authz.entrypoints.cli.failure import ExitCode
from authz.entrypoints.cli.main import cli
from authz.entrypoints.cli.serve import ALL, PARTS
from authz.entrypoints.cli.tickets.group import tickets
from authz.entrypoints.management import refusal
from authz.entrypoints.management.feed import WatchLimits
from authz.entrypoints.management.server import CONCURRENT_CALLS
from authz.entrypoints.management.service import PAGE_SIZE_MAX

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command",
    [
        *(f"holdgate {name}" for name in cli.lazy if name not in {"serve", "tickets", "deliveries"}),
        *(f"holdgate serve {part}" for part in (*PARTS, ALL)),
        *(f"holdgate tickets {name}" for name in tickets.lazy),
        *(f"holdgate deliveries {name}" for name in deliveries.lazy),
    ],
)
def test_every_command_has_a_row(command: str) -> None:
    assert f"| `{command}` |" in PAGE


def test_no_row_is_of_a_command_that_is_not_there() -> None:
    rows = re.findall(r"^\| `holdgate (\S+)(?: (\S+))?.*?` \|", PAGE, re.MULTILINE)
    assert {first for first, _ in rows} == set(cli.lazy)
    assert {second for first, second in rows if first == "tickets"} == set(tickets.lazy)
    assert {second for first, second in rows if first == "deliveries"} == set(deliveries.lazy)


def test_the_exit_codes_are_those_of_the_code() -> None:
    assert set(map(int, re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE))) == set(map(int, ExitCode))


def test_the_reasons_to_refuse_a_vote_are_listed_with_their_status() -> None:
    rows = dict(re.findall(r"^\| ([A-Z_]+) \| (.*) \|$", PAGE, re.MULTILINE))
    for code, status in refusal._OF_VOTE.items():
        assert f"`{code}`" in rows[status.name]


def test_the_bounds_are_those_of_the_code() -> None:
    limits = WatchLimits()
    assert (
        f"Bounds: {CONCURRENT_CALLS} calls at once, requests of 64 KiB, pages of {PAGE_SIZE_MAX} tickets; "
        f"{limits.streams} streams, {limits.streams_per_person} for one person, "
        f"each for {limits.lifetime / 60:g} minutes,"
    ) in PAGE.replace("\n", " ")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "CHANGELOG.md", "docs/cli.md"])
def test_what_these_pages_name_is_there(page: str) -> None:
    """Paths in backquotes are of this repository. A folder of a kind of tests comes with its first test."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:authz|proto|policies|tools|tests/\w+|docs/cli)[/.][\w./-]+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []
