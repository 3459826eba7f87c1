"""Findings as text for people, as JSON for scripts, and as an exit code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from authz.adapters.cards.text import one_line
from authz.entrypoints.cli.failure import ExitCode
from authz.services.doctor.finding import Area, Finding, Severity

_TEXT_MAX: Final = 2000
_ORDER: Final = tuple(Severity)
_SEVERITY_WIDTH: Final = max(len(each) for each in Severity)


def as_text(findings: Sequence[Finding]) -> str:
    """Return the findings by area, the worst first, what to do below each, and a line that counts them."""
    width = max((len(each.code) for each in findings), default=0)
    margin = " " * (2 + _SEVERITY_WIDTH + 2 + width + 2)
    lines = []
    for area in Area:
        inside = sorted((each for each in findings if each.area is area), key=_badness)
        if not inside:
            continue
        lines.append(area.value)
        for each in inside:
            said = _shown(f"{each.subject}: {each.problem}" if each.subject else each.problem)
            lines.append(f"  {each.severity:<{_SEVERITY_WIDTH}}  {each.code:<{width}}  {said}")
            if each.advice:
                lines.append(f"{margin}→ {_shown(each.advice)}")
        lines.append("")
    lines.append(_counted(findings))
    return "\n".join(lines)


def as_json_list(findings: Sequence[Finding]) -> str:
    """Return the findings as a JSON list, in the order of the text."""
    areas = list(Area)
    ordered = sorted(findings, key=lambda each: (areas.index(each.area), _badness(each)))
    return json.dumps(
        [
            {
                "severity": each.severity.value,
                "code": each.code,
                "area": each.area.value,
                "subject": each.subject,
                "problem": each.problem,
                "advice": each.advice,
            }
            for each in ordered
        ],
        indent=2,
    )


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """Return 1 where something is wrong, 4 where only something didn't answer, else 0."""
    errors = [each for each in findings if each.severity is Severity.ERROR]
    if not errors:
        return ExitCode.OK
    return ExitCode.UNAVAILABLE if all(each.unreachable for each in errors) else ExitCode.REFUSED


def _badness(finding: Finding) -> int:
    return _ORDER.index(finding.severity)


def _shown(text: str) -> str:
    """Escape a sentence: names in it come from configurations that others write."""
    return one_line(text, _TEXT_MAX)


def _counted(findings: Sequence[Finding]) -> str:
    counts = Counter(each.severity for each in findings)
    return f"{counts[Severity.ERROR]} error(s), {counts[Severity.WARNING]} warning(s), {counts[Severity.INFO]} to know"
