from __future__ import annotations

import json

import pytest

from authz.entrypoints.cli.doctor.places import is_encrypted, is_near, shown_place
from authz.entrypoints.cli.doctor.report import as_json_list, as_text, exit_code
from authz.entrypoints.cli.failure import ExitCode
from authz.services.doctor.finding import Area, Finding, Rule, Severity

BAD = Rule("bad", Severity.ERROR, Area.REDIS, "Mend it.")
AWAY = Rule("not-there", Severity.ERROR, Area.OPA, "Start it.", unreachable=True)
ODD = Rule("a-little-odd", Severity.WARNING, Area.REDIS, "Look at it.")
FINE = Rule("fine", Severity.OK, Area.REDIS)


def test_the_text_is_grouped_aligned_and_the_worst_comes_first() -> None:
    findings = [
        FINE.found("", "All is well."),
        ODD.found("r", "Odd."),
        BAD.found("r", "Bad."),
        AWAY.found("o", "Gone."),
    ]
    assert as_text(findings).splitlines() == [
        "opa",
        "  error    not-there     o: Gone.",
        "                         → Start it.",
        "",
        "redis",
        "  error    bad           r: Bad.",
        "                         → Mend it.",
        "  warning  a-little-odd  r: Odd.",
        "                         → Look at it.",
        "  ok       fine          All is well.",
        "",
        "2 error(s), 1 warning(s), 0 to know",
    ]


def test_names_of_others_cannot_look_like_lines_of_ours() -> None:
    hostile = BAD.found("route \x1b[2J\n  ok  fine", "It \u202egnorw si.", "Do\r\nit.")
    text = as_text([hostile])
    assert len(text.splitlines()) == 5
    assert not {"\x1b", "\u202e", "\r"} & set(text)
    assert json.loads(as_json_list([hostile]))[0]["subject"] == hostile.subject


def test_json_is_a_list_of_objects_in_the_same_order() -> None:
    found = json.loads(as_json_list([BAD.found("r", "Bad."), AWAY.found("o", "Gone.", "Wait.")]))
    assert found == [
        {
            "severity": "error",
            "code": "not-there",
            "area": "opa",
            "subject": "o",
            "problem": "Gone.",
            "advice": "Wait.",
        },
        {
            "severity": "error",
            "code": "bad",
            "area": "redis",
            "subject": "r",
            "problem": "Bad.",
            "advice": "Mend it.",
        },
    ]
    assert json.loads(as_json_list([])) == []


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([], ExitCode.OK),
        ([FINE, ODD], ExitCode.OK),
        ([FINE, BAD], ExitCode.REFUSED),
        ([AWAY, ODD], ExitCode.UNAVAILABLE),
        ([AWAY, BAD], ExitCode.REFUSED),
    ],
)
def test_the_exit_code_tells_wrong_from_not_there(rules: list[Rule], code: ExitCode) -> None:
    findings: list[Finding] = [rule.found("", "So it is.") for rule in rules]
    assert exit_code(findings) is code


@pytest.mark.parametrize(
    ("url", "shown", "near", "encrypted"),
    [
        ("redis://user:secret@127.0.0.1:6379/0?password=secret", "redis://127.0.0.1:6379", True, False),
        ("rediss://:secret@cache.test", "rediss://cache.test", False, True),
        ("unix:///run/redis.sock?password=secret", "unix:/run/redis.sock", True, False),
        ("redis://", "redis://localhost", True, False),
        ("http://[::1]:8181", "http://[::1]:8181", True, False),
        ("https://opa.test:8181/", "https://opa.test:8181", False, True),
        ("redis://u:secret@h:port/0", "redis://h", False, False),
    ],
)
def test_of_an_address_only_the_place_is_shown(url: str, shown: str, *, near: bool, encrypted: bool) -> None:
    assert (shown_place(url), is_near(url), is_encrypted(url)) == (shown, near, encrypted)
