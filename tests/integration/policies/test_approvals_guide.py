"""docs/approvals.md shows what works: OPA evaluates every example, and Holdgate reads what comes out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from authz.domain import break_glass, requirement_parser
from authz.domain.break_glass import BreakGlassParser
from authz.domain.decision import Hold, read_decision
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from tests.contract.schemas.judging import judge, schema
from tests.integration.policies.guide import APPROVALS, block, blocks, documented_keys
from tests.integration.policies.opa_server import run_opa

ROUTES: Final = frozenset({"default", "billing", "billing-leads", "release-room"})
LIMITS: Final = RequirementLimits()
EXAMPLES: Final = {
    re.search(r"^package (\S+)", found.text, re.MULTILINE)[1]: found.text  # type: ignore[index]  # each has one
    for found in blocks(APPROVALS)
    if found.label == "rego"
}
SETS: Final = ("allow", "deny", "hold", "break_glass", "requester")
# What the text around an example says there is.
DATA: Final = {
    "incident": {"open": True, "id": "INC-7"},
    "books": {"closed_at": "2026-03-31T18:00:00Z"},
    "teams": [["alice", "bob"], ["carol"]],
}
PERSONS: Final = ("alice", "bob", "carol")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All examples in files of their own, with the page's input and the data that they speak of."""
    place = tmp_path_factory.mktemp("examples")
    for package, module in EXAMPLES.items():
        (place / f"{package}.rego").write_text(module)
    (place / "input.json").write_text(block("json input", APPROVALS))
    (place / "data.json").write_text(json.dumps(DATA))
    return place


def evaluate(folder: Path, query: str, document: object = None) -> Any:  # noqa: ANN401 - whatever the policy says
    """Evaluate a query over all examples, as one policy; with the page's input if no other is given."""
    asked = folder / "input.json"
    if document is not None:
        asked = folder / "other.json"
        asked.write_text(json.dumps(document))
    data = [f"--data={path}" for path in (*folder.glob("*.rego"), folder / "data.json", "policies/library")]
    evaluated = run_opa("eval", "--strict", *data, f"--input={asked}", "--format", "json", query)
    assert evaluated.returncode == 0, evaluated.stdout + evaluated.stderr
    return json.loads(evaluated.stdout)["result"][0]["expressions"][0]["value"]


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    """The result document of every example that fills sets, by its package."""
    sets = {
        package: [name for name in SETS if re.search(rf"^{name} contains", module, re.MULTILINE)]
        for package, module in EXAMPLES.items()
    }
    asked = {
        package: f"data.holdgate.decision.from({_written(_sets(package, filled))})"
        for package, filled in sets.items()
        if filled
    }
    query = _written(asked)
    answers: dict[str, Any] = evaluate(folder, query)
    assert set(answers) == set(asked)
    return answers


def _sets(package: str, filled: list[str]) -> dict[str, str]:
    return dict.fromkeys(SETS[:3], "set()") | {name: f"data.{package}.{name}" for name in filled}


def _written(terms: Mapping[str, str]) -> str:
    """Return an object in Rego, of terms in Rego."""
    return "{" + ", ".join(f'"{name}": {term}' for name, term in terms.items()) + "}"


def approvals(results: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every object that stands under `approval`, alone or in an array."""
    for result in results.values():
        approval = result["approval"]
        yield from approval if isinstance(approval, list) else [approval]


def test_holdgate_reads_every_examples_result(results: dict[str, Any]) -> None:
    """And the published schema takes it."""
    defaults = RequirementDefaults(
        approvers=RequirementParser(RequirementDefaults(), LIMITS, ROUTES)
        .parse({"rule": "r", "approvers": [{"group": "sre"}]})
        .demands[0]
        .alternatives[0]
    )
    published = judge(schema("result"))
    assert len(results) > 10
    for package, result in results.items():
        assert published.is_valid(result), package
        decision = read_decision(result)
        if isinstance(decision.verdict, Hold):
            RequirementParser(defaults, LIMITS, ROUTES).parse(decision.verdict.demand)
        else:
            BreakGlassParser(LIMITS, ROUTES).parse(result["approval"])
            assert result["allowed"] is True


def test_every_key_has_an_example(results: dict[str, Any]) -> None:
    shown = {key for approval in approvals(results) for key in approval}
    assert shown == requirement_parser._KEYS | break_glass._KEYS
    inner = {
        f"{key}.{name}"
        for approval in approvals(results)
        for key in ("grant", "bind", "escalate")
        for name in approval.get(key, {})
    }
    assert inner == {key for key in documented_keys() if "." in key}
    seats = {
        name
        for approval in approvals(results)
        for seat in _seats(approval.get("approvers", []))
        for name in seat
    }
    assert seats == {"group", "user", "any", "count"}
    assert any("one_of" in approval.get("approvers", ()) for approval in approvals(results))


def _seats(approvers: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - any JSON
    return approvers if isinstance(approvers, list) else [seat for one in approvers["one_of"] for seat in one]


def test_the_table_has_every_key_that_holdgate_reads() -> None:
    assert {key.partition(".")[0] for key in documented_keys()} == requirement_parser._KEYS


def test_the_results_shown_are_those_of_the_examples_before_them(folder: Path) -> None:
    shown = 0
    package = ""
    for found in blocks(APPROVALS):
        if found.label == "rego":
            package = next(name for name, module in EXAMPLES.items() if module == found.text)
        if found.label == "json result":
            shown += 1
            assert evaluate(folder, f"data.{package}.allow") == json.loads(found.text), package
    assert shown == 3


def test_every_block_is_one_that_is_tested() -> None:
    labels = {found.label for found in blocks(APPROVALS)}
    assert labels == {"json input", "json result", "rego", "rego refused"}
    assert len(EXAMPLES) == len([found for found in blocks(APPROVALS) if found.label == "rego"])


def test_several_demands_are_an_array_and_the_strictest_counts(results: dict[str, Any]) -> None:
    demands = results["examples.together"]["approval"]
    assert {demand["rule"] for demand in demands} == {"acme-tenant", "delete-invoice"}
    both = RequirementParser(RequirementDefaults(), LIMITS, ROUTES).parse(demands)
    assert (both.uses, both.valid_for_ms) == (1, 600_000)
    assert len(both.demands) == 2


def test_a_status_stands_beside_the_demand(results: dict[str, Any]) -> None:
    assert results["examples.risky"]["http_status"] == 428
    assert "http_status" not in results["examples.risky"]["approval"]


def test_without_an_incident_the_request_is_held(folder: Path) -> None:
    (folder / "data.json").write_text(json.dumps(DATA | {"incident": {"open": False}}))
    try:
        assert evaluate(folder, "data.examples.emergency.allow")["allowed"] is False
    finally:
        (folder / "data.json").write_text(json.dumps(DATA))


def test_an_approval_from_before_the_closing_is_denied(folder: Path) -> None:
    asked = json.loads(block("json input", APPROVALS))
    for approved_at, denied in (("2026-03-31T17:59:59Z", True), ("2026-03-31T18:00:00Z", False)):
        asked["approval"] = {"id": "0-a", "approved_at": approved_at}
        result = evaluate(folder, "data.examples.afterwards.allow", asked)
        assert ("approval" not in result) is denied
    assert "approval" in evaluate(folder, "data.examples.afterwards.allow")


@pytest.mark.parametrize("voter", PERSONS)
def test_a_vote_rule_of_ones_own_allows_less(folder: Path, voter: str) -> None:
    """Bob is of Alice's team; Carol isn't, and the library lets her."""
    document = {
        "action": "approve",
        "actor": {"ns": "https://issuer.example", "id": voter, "person": voter, "groups": ["sre"]},
        "ticket": {
            "id": "0-a",
            "rule": "delete-invoice",
            "requester": {"ns": "https://issuer.example", "id": "alice", "person": "alice"},
            "approvers": [[{"group": "sre", "count": 1}]],
        },
    }
    assert judge(schema("vote")).is_valid(document)
    answer = evaluate(folder, "data.examples.votes.answer", document)
    assert answer["allow"] is (voter == "carol")
    assert evaluate(folder, "data.examples.votes.answer", document | {"action": "view"}) == {"allow": True}


def test_the_examples_are_formatted_and_pass_opas_checks(folder: Path) -> None:
    modules = sorted(map(str, folder.glob("*.rego")))
    formatted = run_opa("fmt", "--diff", "--fail", *modules)
    assert formatted.returncode == 0, formatted.stdout
    checked = run_opa("check", "--strict", "--schema", "authz/schemas", "policies/library", *modules)
    assert checked.returncode == 0, checked.stderr


def test_the_slip_that_is_shown_does_not_load(tmp_path: Path) -> None:
    """With the key spelt as it should be, it does: the control."""
    refused = block("rego refused", APPROVALS)
    policy = tmp_path / "slip.rego"
    for module, code in ((refused, 1), (refused.replace("aprovers", "approvers"), 0)):
        policy.write_text(module)
        for command in (["check"], ["build", "--output", str(tmp_path / "bundle.tar.gz")]):
            done = run_opa(*command, str(policy), "policies/library")
            assert done.returncode == code, done.stderr
        assert ("aprovers" in run_opa("check", str(policy), "policies/library").stderr) is bool(code)
