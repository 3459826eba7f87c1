"""The policies' own tests: they pass, cover every line, and notice when a guard is taken away."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.policies.guide import POLICIES
from tests.integration.policies.opa_server import copy_policies, run_opa

FOLDERS = ("policies/library", "policies/demo", "policies/opa")
# What a folder's own tests load.
NEEDED = {
    "library": ["policies/library"],
    "demo": ["policies/demo", "policies/library"],
    "opa": ["policies/opa"],
}
LEAST_COVERAGE = 100.0
# OPA gives each test 5 s, which a machine at work on other tests may exceed.
PATIENT = ("--timeout", "20s")


def test_the_policies_compile_strictly() -> None:
    checked = run_opa("check", "--strict", "policies")
    assert checked.returncode == 0, checked.stderr


def test_the_policies_are_formatted() -> None:
    formatted = run_opa("fmt", "--list", "--fail", "policies")
    assert formatted.returncode == 0, formatted.stdout


def test_the_rego_tests_pass() -> None:
    tested = run_opa("test", *PATIENT, "--format", "json", *FOLDERS)
    assert tested.returncode == 0, tested.stdout[-2000:]
    assert len(json.loads(tested.stdout)) > 100


def test_the_rego_tests_cover_every_line() -> None:
    report = json.loads(run_opa("test", *PATIENT, "--coverage", *FOLDERS).stdout)
    uncovered = {name: file["not_covered"] for name, file in report["files"].items() if "not_covered" in file}
    assert report["coverage"] >= LEAST_COVERAGE, uncovered
    shipped = {str(path.relative_to(POLICIES.parent)) for path in POLICIES.rglob("*.rego")}
    assert shipped == set(report["files"])


@pytest.mark.parametrize("folder", ["library", "demo", "opa"])
def test_public_rules_say_what_they_are(folder: str) -> None:
    """Each package, and each rule that others import or ask for, has a title and a description."""
    report = json.loads(run_opa("inspect", "--annotations", "--format", "json", f"policies/{folder}").stdout)
    said = [entry["annotations"] for entry in report["annotations"]]
    assert said
    assert all(annotation.get("title") and annotation.get("description") for annotation in said)


def test_the_library_is_a_bundle_of_its_own(tmp_path: Path) -> None:
    """Its root is `holdgate`, so that a bundle server can ship it beside anybody's policy."""
    bundle = tmp_path / "library.tar.gz"
    built = run_opa(
        "build", "--bundle", "policies/library", "--ignore", "*_test.rego", "--output", str(bundle)
    )
    assert built.returncode == 0, built.stderr
    inspected = json.loads(run_opa("inspect", "--format", "json", str(bundle)).stdout)
    assert inspected["manifest"]["roots"] == ["holdgate"]
    # `data` stands for the manifest.
    names = {"approvals", "decision", "demands", "directory", "entries", "voting"}
    assert set(inspected["namespaces"]) == {"data"} | {f"data.holdgate.{name}" for name in names}


@dataclass(frozen=True, slots=True)
class Guard:
    """A piece of a policy that keeps something out, and what it looks like when it is taken away."""

    file: str
    there: str
    gone: str


GUARDS = {
    "a deny beats a hold": Guard(
        "library/decision.rego",
        "weighed(sets) := held(sets.hold) if {\n\tcount(sets.deny) == 0\n",
        "weighed(sets) := held(sets.hold) if {\n",
    ),
    "a deny beats a break-glass": Guard(
        "library/decision.rego",
        "\tcount(sets.deny) == 0\n\tsome terms in sets.break_glass\n",
        "\tsome terms in sets.break_glass\n",
    ),
    "a hold beats an allow": Guard(
        "library/decision.rego",
        "\tcount(sets.deny) == 0\n\tcount(sets.hold) == 0\n\tcount(sets.allow) > 0\n",
        "\tcount(sets.deny) == 0\n\tcount(sets.allow) > 0\n",
    ),
    "only an entry of break_glass breaks glass": Guard(
        "library/demands.rego",
        '"break_glass": shown | {"break_glass"}',
        '"break_glass": shown | {"break_glass", "approvers"}',
    ),
    "a demand has no unknown key": Guard(
        "library/demands.rego", "some key in (object.keys(content) - keys[place])", "some key in set()"
    ),
    "a demand names its rule": Guard("library/demands.rego", '"hold": {"rule"}', '"hold": set()'),
    "a request has one requester": Guard("library/entries.rego", "count(sets[name]) > 1", "false"),
    "another's vote is not one's own": Guard(
        "library/voting.rego", "\tvote.by.person == input.actor.person\n", '\tvote.by.person != ""\n'
    ),
    "the requester has no vote": Guard("library/voting.rego", "\tasked\n\tnot own\n", "\tasked\n"),
    "the requester's other accounts have none": Guard(
        "library/voting.rego",
        "own if {\n\tknown\n\tinput.ticket.requester.person == input.actor.person\n}\n",
        "",
    ),
    "strangers are no one person": Guard(
        "library/voting.rego",
        "own if {\n\tknown\n\tinput.ticket.requester.person",
        "own if {\n\tinput.ticket.requester.person",
    ),
    "a stranger has no group": Guard(
        "library/voting.rego",
        "admits(seat) if {\n\tknown\n\tseat.group",
        "admits(seat) if {\n\tseat.group",
    ),
    "a stranger is not anybody": Guard(
        "library/voting.rego", "admits(seat) if {\n\tknown\n\tseat.any", "admits(seat) if {\n\tseat.any"
    ),
    "a named user is compared by namespace": Guard(
        "library/voting.rego", "\tseat.user.ns == input.actor.ns\n", ""
    ),
    "nobody audits by default": Guard(
        "library/voting.rego", "\tsome group in auditors\n\tgroup in input.actor.groups\n", ""
    ),
    "only the requester cancels": Guard(
        "library/voting.rego", '{"withdraw", "break_glass", "view"', '{"withdraw", "cancel", "view"'
    ),
    "a malformed entry gives no result": Guard("library/decision.rego", 'problem == ""', 'problem != ""'),
    "all of several holds are demanded": Guard(
        "library/decision.rego", "demands if count(demands) > 1", "demands[0] if count(demands) > 1"
    ),
    "the lowest status answers": Guard(
        "library/decision.rego", ":= ranked[0]", ":= ranked[count(ranked) - 1]"
    ),
    "a demand is no permission": Guard(
        "library/entries.rego", "some key in (object.keys(entry) - (objects | arrays))", "some key in set()"
    ),
    "permissions must not disagree": Guard("library/entries.rego", "value != other_value", "false"),
    "header names are compared without case": Guard(
        "library/entries.rego",
        "\tkey in headers\n\tlower(one) == lower(other)\n",
        "\tkey in headers\n\tone == other\n",
    ),
    "a refusal is no success": Guard("library/entries.rego", "status >= 300", "status >= 100"),
    "all three sets are required": Guard(
        "library/entries.rego",
        "has_its_keys(sets) if object.keys(sets) == needed",
        'has_its_keys(sets) if "allow" in object.keys(sets)',
    ),
    "an identity of two persons is nobody's": Guard(
        "library/directory.rego", "count(owners) == 1", "count(owners) >= 1"
    ),
    "an identity is compared by namespace": Guard("library/directory.rego", "\tidentity.ns == ns\n", ""),
    "an account of two persons is nobody's": Guard(
        "library/directory.rego", "\tother != person_id\n", "\tfalse\n"
    ),
    "an account is compared by namespace": Guard("library/directory.rego", "\tidentity.ns == each.ns\n", ""),
    "accounts are bounded in number": Guard(
        "library/directory.rego",
        "array.slice(sort(listed - listed_by_others(listed, someone.id)), 0, 20)",
        "sort(listed - listed_by_others(listed, someone.id))",
    ),
    "accounts are bounded in length": Guard("library/directory.rego", "\tcount(part) <= 512\n", ""),
    "an empty id is nobody": Guard("library/directory.rego", '\tns != ""\n\tid != ""\n', ""),
    "a path is spelled plainly": Guard(
        "demo/authz.rego", '\tpath == sprintf("/%s", [concat("/", input.parsed_path)])\n', '\tpath != ""\n'
    ),
    "a stranger is refused": Guard(
        "demo/authz.rego", 'in the directory" if not caller', 'in the directory" if false'
    ),
    "only an admin deletes": Guard("demo/resources.rego", 'directory.has_group(caller, "admin")', "caller"),
    "only a deployer deploys": Guard(
        "demo/deployments.rego", 'directory.has_group(caller, "deployers")', "caller"
    ),
    "only an active resource is deleted": Guard(
        "demo/resources.rego",
        'deletable if {\n\tdirectory.has_group(caller, "admin")\n\ttarget.state == "active"\n',
        'deletable if {\n\tdirectory.has_group(caller, "admin")\n\ttarget\n',
    ),
    "a trailing slash names nothing": Guard("demo/resources.rego", '\tsegments[1] != ""\n', ""),
    "a body has no other key": Guard(
        "demo/deployments.rego", 'object.keys(input.parsed_body) == {"service"', '{"service"} | {"service"'
    ),
    "only sre breaks the glass": Guard("demo/incidents.rego", 'directory.has_group(caller, "sre")', "caller"),
    "the glass is broken in production": Guard(
        "demo/incidents.rego", '\ttarget.environment == "production"\n', "\ttarget\n"
    ),
    "an emergency deletes what is active": Guard("demo/incidents.rego", '\ttarget.state == "active"\n', ""),
    "an incident is about one resource": Guard(
        "demo/incidents.rego", "incident.resource == resource_id", "resource_id"
    ),
    "an incident has a name": Guard("demo/incidents.rego", "\tis_string(incident.id)\n", ""),
    "a freeze includes its start": Guard(
        "demo/deployments.rego",
        "time.now_ns() < bounds(window).start",
        "time.now_ns() <= bounds(window).start",
    ),
    "a freeze excludes its end": Guard(
        "demo/deployments.rego", "time.now_ns() >= bounds(window).end", "time.now_ns() > bounds(window).end"
    ),
    "a window that can't be read is closed": Guard("demo/deployments.rego", "\tstart < end\n", ""),
    "a header name is masked in any spelling": Guard("opa/mask.rego", "(?i)^x[-_]approval", "^x-approval"),
    "a credential is masked": Guard("opa/mask.rego", "\tnot regex.match(credential, name)\n", ""),
    "an input that can't be cleaned is removed": Guard(
        "opa/mask.rego", '"path": "/input"} if not shown_input', '"path": "/input"} if false'
    ),
    "only known fields are shown": Guard(
        "opa/mask.rego",
        'object.filter(http, {"id", "method", "host", "scheme", "protocol", "size"})',
        'object.remove(http, {"body", "rawBody"})',
    ),
    "only known keys are shown": Guard(
        "opa/mask.rego",
        "object.filter(input.input, shown_keys)",
        'object.remove(input.input, {"parsed_body"})',
    ),
    "steps into arrays are text": Guard("opa/mask.rego", '[sprintf("%v", [step]) | some', "[step | some"),
    "all of a query goes": Guard("opa/mask.rego", "`(?s)[?#].*`", "`[?#][^?#]*`"),
}


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS.keys())
def test_a_guard_taken_away_fails_the_rego_tests(tmp_path: Path, guard: Guard) -> None:
    """The control of every Rego test that speaks of safety."""
    policy = copy_policies(tmp_path) / guard.file
    text = policy.read_text()
    assert guard.there in text
    policy.write_text(text.replace(guard.there, guard.gone))
    tested = run_opa("test", *PATIENT, "--format", "json", *NEEDED[policy.parent.name], cwd=tmp_path)
    # Two branches that both answer are an evaluation error, not a failure.
    caught = [test["name"] for test in json.loads(tested.stdout) if test.get("fail") or test.get("error")]
    assert tested.returncode == 2, tested.stderr
    assert caught
