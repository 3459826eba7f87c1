"""docs/policies.md shows what works: its policies are evaluated, and its table is what Holdgate reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from authz.domain import requirement_parser
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from tests.integration.policies.guide import block, blocks, documented_keys
from tests.integration.policies.inputs import request
from tests.integration.policies.opa_server import RunningOpa, run_opa
from tests.support.requirements import seats_of


def evaluate(folder: Path, query: str, *modules: str) -> Any:  # noqa: ANN401 - whatever the policy says
    """Evaluate a query over the guide's modules, the library and the guide's data and input."""
    arguments = ["--strict", "--data", "policies/library"]
    for number, module in enumerate(modules):
        path = folder / f"module{number}.rego"
        path.write_text(module)
        arguments += ["--data", str(path)]
    for label in ("input", "data"):
        path = folder / f"{label}.json"
        path.write_text(block(f"json {label}"))
        arguments += [f"--{label}", str(path)]
    evaluated = run_opa("eval", *arguments, "--format", "json", query)
    assert evaluated.returncode == 0, evaluated.stdout + evaluated.stderr
    return json.loads(evaluated.stdout)["result"][0]["expressions"][0]["value"]


def rego_blocks() -> list[str]:
    return [found.text for found in blocks() if found.label == "rego"]


def test_the_rule_that_holds_gives_the_result_shown(tmp_path: Path) -> None:
    assert evaluate(tmp_path, "data.envoy.authz.allow", rego_blocks()[0]) == json.loads(block("json result"))


def test_every_block_is_one_that_is_tested() -> None:
    labels = [found.label for found in blocks()]
    assert labels == ["rego", "json input", "json data", "json result", "rego", "console"]
    assert all(found.text.strip() for found in blocks())


def test_the_rego_shown_is_formatted(tmp_path: Path) -> None:
    for number, module in enumerate(rego_blocks()):
        (tmp_path / f"module{number}.rego").write_text(module)
    formatted = run_opa("fmt", "--diff", "--fail", str(tmp_path))
    assert formatted.returncode == 0, formatted.stdout


def test_holdgate_accepts_everything_that_the_guide_says_a_hold_may_demand(tmp_path: Path) -> None:
    (demand,) = evaluate(tmp_path, "data.demand.hold", rego_blocks()[1])
    requirement = _parser("payroll").parse(demand)
    assert requirement.rule == "change-payroll"
    assert seats_of(requirement) == 4
    assert requirement.uses == 3
    assert requirement.bind_headers == ("x-tenant",)
    assert requirement.bind_body is False
    assert requirement.show == (("Department", "Research"),)


def test_the_guides_table_is_what_holdgate_reads() -> None:
    keys = documented_keys()
    assert {key.partition(".")[0] for key in keys} == requirement_parser._KEYS


def test_holdgate_accepts_the_demos_demands(demo: RunningOpa) -> None:
    body = {"service": "web", "environment": "production", "version": "1"}
    for asked, rule in (
        (request("alice", "DELETE", "/resources/db-orders"), "delete-resource"),
        (request("alice", "POST", "/deployments", parsed_body=body), "deploy-production"),
    ):
        requirement = _parser("prod-changes").parse(demo.decide(asked)["approval"])
        assert requirement.rule == rule
        assert seats_of(requirement) == 1
        assert (requirement.expires_in_ms, requirement.valid_for_ms) == (30 * 60_000, 15 * 60_000)


def _parser(*routes: str) -> RequirementParser:
    return RequirementParser(RequirementDefaults(), RequirementLimits(), frozenset(routes))
