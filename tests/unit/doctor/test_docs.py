from __future__ import annotations

import re
from pathlib import Path

from authz.entrypoints.cli.failure import ExitCode
from authz.services.doctor.catalogue import RULES
from authz.services.doctor.finding import Area, Severity

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([a-z0-9-]+)` \| (\w+) \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)


def test_every_code_has_a_row_with_its_severity_and_advice_and_no_row_is_of_another() -> None:
    assert [(code, severity) for code, severity, _, _ in ROWS] == [
        (rule.code, rule.severity) for area in Area for rule in RULES if rule.area is area
    ]
    advice = {code: advice for code, _, _, advice in ROWS}
    assert all(advice[rule.code] == rule.advice for rule in RULES if rule.advice)


def test_each_code_is_of_one_rule() -> None:
    """The catalogue holds one rule for each code; here they are counted where they are written."""
    sources = (ROOT / "authz" / "services" / "doctor").rglob("*.py")
    written = [
        code for path in sources for code in re.findall(r"= Rule\(\s*\"([a-z0-9-]+)\"", path.read_text())
    ]
    assert len(written) > 100
    assert sorted(written) == sorted(rule.code for rule in RULES)


def test_what_is_right_needs_no_advice_and_everything_else_has_some() -> None:
    of_redis = {rule.code for rule in RULES if rule.code.startswith("redis-") and not rule.advice}
    assert of_redis == {
        *("redis-answers", "redis-version", "redis-eviction", "redis-durability", "redis-partitions")
    }
    for rule in RULES:
        assert bool(rule.advice) is (rule.severity is not Severity.OK) or rule.code in of_redis
        assert rule.advice.endswith(".") or not rule.advice


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    shown = {int(code) for code in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)}
    assert shown == {ExitCode.OK, ExitCode.REFUSED, ExitCode.USAGE, ExitCode.UNAVAILABLE}


def test_the_severities_are_all_explained() -> None:
    explained = re.findall(r"^\| (error|warning|info|ok) \| ", PAGE, re.MULTILINE)
    assert explained == [severity.value for severity in Severity]
