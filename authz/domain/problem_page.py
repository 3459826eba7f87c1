"""The page about one problem type, in Markdown that can be read as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from authz.domain.advice import Advice
from authz.domain.advice_on_requests import ON_REQUESTS
from authz.domain.advice_on_tickets import ON_TICKETS
from authz.domain.problems import REASON_DOMAIN, Problem

ADVICE: Final[Mapping[Problem, Advice]] = {**ON_TICKETS, **ON_REQUESTS}


def problem_page(problem: Problem) -> str:
    """Return the page: what happened, who should do what, and how it looks on the wire."""
    kind, advice = problem.value, ADVICE[problem]
    sections = [
        f"# {kind.title}",
        _table(problem),
        f"> {kind.detail}",
        advice.happened,
        "## What to do",
        f"- A program: {advice.client}\n- A person: {advice.person}\n- An AI agent: {advice.agent}",
        f"Does sending it again help? {advice.retry}",
    ]
    if advice.operator:
        sections += ["## For operators", advice.operator]
    media_type = "application/json" if problem is Problem.HELD else "application/problem+json"
    sections += ["## Example", f"`{media_type}`:", f"```json\n{_example(problem)}\n```"]
    return "\n\n".join(sections) + "\n"


def _table(problem: Problem) -> str:
    kind = problem.value
    rows = {
        "`type`": f"`{kind.uri}`",
        "HTTP status": f"{kind.status}",
        "gRPC status": f"{kind.grpc_status.name} ({kind.grpc_status.value})",
        "`ErrorInfo`": f"reason `{kind.reason}`, domain `{REASON_DOMAIN}`",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _example(problem: Problem) -> str:
    kind, example = problem.value, ADVICE[problem].example
    members: dict[str, object] = {"detail": kind.detail, **example}
    if problem is not Problem.HELD:
        members = {"type": kind.uri, "title": kind.title, "status": kind.status, **members}
    return json.dumps(members, indent=2, ensure_ascii=False)
