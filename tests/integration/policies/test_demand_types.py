"""OPA's own checks of a demand know the keys that the published schema knows, and refuse every other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.schemas.judging import schema
from tests.integration.policies.opa_server import run_opa

DEFINITIONS: Final = schema("approval")["$defs"]
DEMAND: Final = DEFINITIONS["demand"]["properties"]
BREAK_GLASS: Final = DEFINITIONS["break_glass"]["properties"]

# Rego, as somebody may write it: with each key of the schema in each of its forms.
SOUND: Final = {
    "rule": ['"r"', "input.rule"],
    "reason": ['sprintf("deletes %v", [input.id])'],
    "approvers": [
        '[{"group": "a"}, {"group": "b", "count": 2}, {"any": true}, {"any": true, "count": input.count}]',
        '[{"user": {"ns": input.ns, "id": "i"}}]',
        '[{"group": group} | some group in input.groups]',
        '{"one_of": [[{"group": "a"}], [{"group": "b", "count": 2}, {"any": true}]]}',
    ],
    "expires_in": ['"30m"'],
    "grant": [
        *('{"uses": 2}', '{"valid_for": "1m"}', '{"scope": "s"}', '{"uses": 2, "valid_for": "1m"}'),
        *('{"uses": 2, "scope": "s"}', '{"valid_for": "1m", "scope": "s"}'),
        '{"uses": 2, "valid_for": "1m", "scope": "s"}',
    ],
    "bind": [
        *('{"headers": ["a"]}', '{"body": false}', '{"body": {"ignore": ["/a"]}}'),
        *('{"headers": [], "body": true}', '{"headers": ["a"], "body": {"ignore": []}}'),
    ],
    "notify": ['"room"'],
    "cc": ["[]", '["room", input.room]'],
    "remind_after": ['"5m"'],
    "escalate": ['{"after": "5m", "notify": "room"}'],
    "risk": ['"high"'],
    "justification": ['"required"'],
    "redeem": ['"repeat"'],
    "wait": ['"5s"'],
    "show": ["[]", '[{"title": "a", "value": input.b}]'],
    "break_glass": ['{"group": "a", "review_within": "1h"}'],
}
SLIPS: Final = (
    'demand({"rule": "r", "aprovers": [{"group": "a"}]})',
    'demand({"rule": input.rule, "aprovers": [{"group": input.group}]})',
    'demand({"rule": 7})',
    'demand({"rule": "r", "approvers": [{"gruop": "a"}]})',
    'demand({"rule": "r", "approvers": [{"group": "a"}, {"gruop": "b"}]})',
    'demand({"rule": "r", "approvers": [{"group": "a", "count": "2"}]})',
    'demand({"rule": "r", "approvers": {"group": "a"}})',
    'demand({"rule": "r", "approvers": {"one_off": [[{"group": "a"}]]}})',
    'demand({"rule": "r", "approvers": {"one_of": [[{"gruop": "a"}]]}})',
    'demand({"rule": "r", "approvers": {"one_of": [{"group": "a"}]}})',
    'demand({"rule": "r", "approvers": [{"user": {"ns": "n", "sub": "i"}}]})',
    'demand({"rule": "r", "expires_in": 30})',
    'demand({"rule": "r", "grant": {"use": 1}})',
    'demand({"rule": "r", "grant": {"uses": 1, "valid_fro": "1m"}})',
    'demand({"rule": "r", "grant": {"uses": input.uses, "valid_fro": "1m"}})',
    'demand({"rule": "r", "bind": {"header": ["a"]}})',
    'demand({"rule": "r", "bind": {"body": {"ignored": ["/a"]}}})',
    'demand({"rule": "r", "bind": {"body": "false"}})',
    'demand({"rule": "r", "cc": "room"})',
    'demand({"rule": "r", "escalate": {"after": "1m"}})',
    'demand({"rule": "r", "risk": true})',
    'demand({"rule": "r", "show": [{"title": "a"}]})',
    'demand({"rule": "r", "show": [{"title": "a", "value": 3}]})',
    'demand({"rule": "r", "http_status": "428"})',
    'demand({"rule": "r", "break_glass": {"group": "a", "review_within": "1h"}})',
    'break_glass({"group": "a", "review_within": "1h"})',
    'break_glass({"break_glass": {"group": "a"}})',
    'break_glass({"break_glass": {"group": "a", "review_within": "1h"}, "approvers": []})',
)
# OPA looks for these before it looks at types.
WRONG_CALLS: Final = ('demand({"rule": "r"}, 1)', 'demands({"rule": "r"})')


def calls() -> list[str]:
    """Return a call for each form of each key."""
    return [
        f'demand({{"rule": "r", "{key}": {form}}})' if key != "rule" else f'demand({{"rule": {form}}})'
        for key in DEMAND
        for form in SOUND[key]
    ] + [
        f'break_glass({{"break_glass": {SOUND["break_glass"][0]}, "{key}": {form}}})'
        for key in BREAK_GLASS
        if key != "break_glass"
        for form in SOUND[key]
    ]


def check(folder: Path, entries: list[str] | tuple[str, ...]) -> list[int]:
    """Return the places of the entries that `opa check` refuses, each in a module of its own."""
    for place, call in enumerate(entries):
        module = (
            f"package checked{place}\n\nimport data.holdgate.approvals\n\nentries contains approvals.{call}\n"
        )
        (folder / f"checked{place}.rego").write_text(module)
    options = ["--strict", "--max-errors", "-1", "--format", "json", "--ignore", "*_test.rego"]
    checked = run_opa("check", *options, "policies/library", str(folder))
    if not checked.returncode:
        return []
    errors = json.loads(checked.stderr or checked.stdout)["errors"]
    named = {Path(error["location"]["file"]).stem for error in errors}
    return sorted(int(name.removeprefix("checked")) for name in named)


def test_every_form_of_every_key_of_the_schema_compiles(tmp_path: Path) -> None:
    assert check(tmp_path, calls()) == []


@pytest.mark.parametrize("slips", [SLIPS, WRONG_CALLS], ids=["slips", "wrong calls"])
def test_every_slip_is_refused(tmp_path: Path, slips: tuple[str, ...]) -> None:
    refused = check(tmp_path, slips)
    assert [slip for place, slip in enumerate(slips) if place not in refused] == []


def test_a_plain_object_with_a_slip_compiles(tmp_path: Path) -> None:
    """Control: it is the functions that check."""
    (tmp_path / "plain.rego").write_text('package plain\n\nentries contains {"rule": "r", "aprovers": []}\n')
    checked = run_opa("check", "--strict", "policies/library", str(tmp_path))
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("place", "properties"),
    [
        ("hold", {**DEMAND, "http_status": {}}),
        ("break_glass", BREAK_GLASS),
        ("grant", DEFINITIONS["grant"]["properties"]),
        ("bind", DEFINITIONS["bind"]["properties"]),
        ("bind.body", DEFINITIONS["bind"]["properties"]["body"]["anyOf"][1]["properties"]),
        ("escalate", DEMAND["escalate"]["properties"]),
        ("its break_glass", BREAK_GLASS["break_glass"]["properties"]),
        ("show[]", DEFINITIONS["line"]["properties"]),
        ("approvers", DEFINITIONS["approvers"]["anyOf"][1]["properties"]),
        ("approvers[].user", DEFINITIONS["identity"]["properties"]),
        (
            "approvers[]",
            {key: {} for form in DEFINITIONS["approver"]["anyOf"] for key in form["properties"]},
        ),
    ],
)
def test_the_librarys_keys_are_the_schemas(place: str, properties: dict[str, Any]) -> None:
    assert set(_library_keys()[place]) == set(properties)


def test_no_place_is_left_out() -> None:
    assert len(_library_keys()) == 11


def _library_keys() -> dict[str, list[str]]:
    query = "{place: keys | some place, keys in data.holdgate.demands.keys}"
    evaluated = run_opa("eval", "--data", "policies/library", "--format", "raw", query)
    keys: dict[str, list[str]] = json.loads(evaluated.stdout)
    return keys
