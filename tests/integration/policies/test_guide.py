"""docs/policies.md shows what works: its policies are evaluated and checked."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from tests.integration.policies.guide import ROOT, block, blocks
from tests.integration.policies.inputs import request
from tests.integration.policies.opa_server import RunningOpa, copy_policies, run_opa
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
    assert labels == ["rego", "json input", "json data", "json result", "sh", "rego", "console"]
    assert all(found.text.strip() for found in blocks())


def test_the_rego_shown_is_formatted(tmp_path: Path) -> None:
    for number, module in enumerate(rego_blocks()):
        (tmp_path / f"module{number}.rego").write_text(module)
    formatted = run_opa("fmt", "--diff", "--fail", str(tmp_path))
    assert formatted.returncode == 0, formatted.stdout


def test_the_commands_shown_check_the_policy_shown_against_the_schemas(tmp_path: Path) -> None:
    """And they find a misspelt key of the input, of an approved ticket and of a demand."""
    policies = copy_policies(tmp_path)
    schema, check = (shlex.split(line) for line in block("sh").splitlines())
    assert schema[0] == "holdgate"
    module = "authz.entrypoints.cli.main"
    written = subprocess.run(
        [sys.executable, "-m", module, *schema[1:]], cwd=tmp_path, env=_environ(), check=False
    )
    assert written.returncode == 0
    assert check[0] == "opa"
    typed = policies / "typed.rego"
    for slip, correct, problem in (
        ("", "", ""),
        ("http.methd", "http.method", "undefined ref: input.attributes.request.http.methd"),
        ("input.aproval.id", "input.attributes.request.http.method", "undefined ref: input.aproval.id"),
        ('{"rul": ', '{"rule": ', "data.holdgate.approvals.demand: invalid argument(s)"),
    ):
        assert correct in rego_blocks()[1]
        typed.write_text(rego_blocks()[1].replace(correct, slip) if correct else rego_blocks()[1])
        checked = run_opa(*check[1:], cwd=tmp_path)
        assert (checked.returncode == 0) is (not problem), checked.stderr
        assert problem in checked.stderr


def _environ() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT)}


def test_holdgate_accepts_the_demos_demands(demo: RunningOpa) -> None:
    body = {"service": "web", "environment": "production", "version": "1"}
    parser = RequirementParser(RequirementDefaults(), RequirementLimits(), frozenset({"prod-changes"}))
    for asked, rule in (
        (request("alice", "DELETE", "/resources/db-orders"), "delete-resource"),
        (request("alice", "POST", "/deployments", parsed_body=body), "deploy-production"),
    ):
        requirement = parser.parse(demo.decide(asked)["approval"])
        assert requirement.rule == rule
        assert seats_of(requirement) == 1
        assert (requirement.expires_in_ms, requirement.valid_for_ms) == (30 * 60_000, 15 * 60_000)
