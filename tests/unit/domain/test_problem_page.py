from __future__ import annotations

import json
import re
from typing import Any

import pytest

from authz.domain.problem_page import ADVICE, problem_page
from authz.domain.problems import Problem

each_problem = pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.name)


def example(problem: Problem) -> dict[str, Any]:
    """Return the answer that a page shows."""
    code = re.search(r"```json\n(.*?)```", problem_page(problem), re.DOTALL)
    assert code
    shown: dict[str, Any] = json.loads(code.group(1))
    return shown


def test_no_problem_is_without_advice() -> None:
    """Whoever meets one finds what to do."""
    assert ADVICE.keys() == set(Problem)


@each_problem
def test_a_page_names_what_comes_over_the_wire(problem: Problem) -> None:
    """For HTTP and gRPC alike."""
    page, kind = problem_page(problem), problem.value
    assert page.startswith(f"# {kind.title}\n")
    for row in (
        f"| `type` | `{kind.uri}` |",
        f"| HTTP status | {kind.status} |",
        f"| gRPC status | {kind.grpc_status.name} ({kind.grpc_status.value}) |",
        f"| `ErrorInfo` | reason `{kind.reason}`, domain `holdgate` |",
        f"> {kind.detail}",
    ):
        assert f"\n{row}\n" in page


@each_problem
def test_a_page_says_what_each_of_them_should_do_and_whether_to_try_again(problem: Problem) -> None:
    """A program, a person and an agent, each in whole sentences."""
    page, advice = problem_page(problem), ADVICE[problem]
    for who, text in (
        ("A program", advice.client),
        ("A person", advice.person),
        ("An AI agent", advice.agent),
    ):
        assert f"\n- {who}: {text}\n" in page
    assert f"\nDoes sending it again help? {advice.retry}\n" in page
    texts = [advice.happened, advice.client, advice.person, advice.agent, advice.retry]
    assert all(text.endswith(".") for text in texts)


@each_problem
def test_a_page_can_be_read_where_there_are_no_other_pages(problem: Problem) -> None:
    """It is served on the gated host as well, where a relative link leads nowhere."""
    assert "](" not in problem_page(problem)


@each_problem
def test_the_example_is_that_problem(problem: Problem) -> None:
    """A hold alone has no type, because nothing is wrong."""
    shown, kind = example(problem), problem.value
    assert shown["detail"] == kind.detail
    usual = {} if problem is Problem.HELD else {"type": kind.uri, "title": kind.title, "status": kind.status}
    assert {name: shown.get(name) for name in ("type", "title", "status") if name in shown} == usual
