"""An edit of the demo's policy or data counts at once, and a broken one changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.integration.policies.inputs import request
from tests.integration.policies.opa_server import RunningOpa

DELETE = request("alice", "DELETE", "/resources/db-orders")


def in_place(path: Path, text: str) -> None:
    """Save as an editor does that writes into the file."""
    path.write_text(text)


def by_rename(path: Path, text: str) -> None:
    """Save as an editor does that writes a new file and puts it in the old one's place."""
    fresh = path.with_name(f".{path.name}.swp")
    fresh.write_text(text)
    os.replace(fresh, path)  # noqa: PTH105 - says what editors do


@pytest.mark.parametrize("save", [in_place, by_rename])
def test_an_edited_rule_counts_at_once_and_again(own: RunningOpa, save: Callable[[Path, str], None]) -> None:
    """Two edits, because a watch can be lost with the file that was renamed over."""
    rules = own.policies / "demo" / "resources.rego"
    shipped = rules.read_text()
    for count in (2, 3):
        save(rules, shipped.replace('{"group": "sre", "count": 1}', f'{{"group": "sre", "count": {count}}}'))
        own.wait_until(partial(_demands, own, count), f"a demand for {count} approvals")


def test_edited_data_counts_at_once(own: RunningOpa) -> None:
    """A resource that is archived while a request for it is held."""
    data = own.policies / "demo" / "data.json"
    shipped = data.read_text()
    assert _demands(own, 1)
    data.write_text(shipped.replace('"environment": "production", "state": "active"', '"state": "archived"'))
    own.wait_until(lambda: own.decide(DELETE).get("http_status") == 403, "a refusal")
    data.write_text(shipped)
    own.wait_until(lambda: _demands(own, 1), "the shipped data")


def test_an_edit_that_does_not_compile_leaves_the_last_good_policy(own: RunningOpa) -> None:
    """It is said in the log, and a mended one counts again."""
    rules = own.policies / "demo" / "resources.rego"
    shipped = rules.read_text()
    rules.write_text(f"{shipped}\npermit contains true if {{\n")
    own.wait_until(lambda: "rego_parse_error" in own.log.read_text(), "the error in the log")
    assert _demands(own, 1)
    rules.write_text(shipped.replace('"count": 1', '"count": 2'))
    own.wait_until(lambda: _demands(own, 2), "the mended policy")


def test_an_edited_test_is_still_ignored(own: RunningOpa) -> None:
    """What is ignored at the start is ignored at a reload."""
    tests = own.policies / "demo" / "resources_test.rego"
    tests.write_text(f"{tests.read_text()}\n\ntest_more if true\n")
    rules = own.policies / "demo" / "resources.rego"
    rules.write_text(rules.read_text().replace('"count": 1', '"count": 2'))
    own.wait_until(lambda: _demands(own, 2), "the edited policy")
    assert own.modules() == own.shipped()


def _demands(opa: RunningOpa, count: int) -> bool:
    result = opa.decide(DELETE)
    return bool(result) and "approval" in result and result["approval"]["approvers"][0]["count"] == count
