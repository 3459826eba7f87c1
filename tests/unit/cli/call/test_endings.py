from __future__ import annotations

import re
from pathlib import Path

import pytest

from authz.domain.problems import Problem as Problems
from authz.entrypoints.cli.call.endings import exit_of, exit_of_status
from authz.entrypoints.cli.call.exit_codes import CallExit
from authz.entrypoints.cli.failure import ExitCode
from holdgate_client import HoldgateError, Problem, Ticket, errors

PAGE = (Path(__file__).parents[4] / "docs" / "call.md").read_text("utf-8")
TICKET = Ticket("hg1.k1.0-ticket1." + "a" * 43)
BY_KIND = {
    "rejected": CallExit.REJECTED,
    "expired": CallExit.EXPIRED,
    "lapsed": CallExit.EXPIRED,
    "cancelled": CallExit.TAKEN_BACK,
    "revoked": CallExit.TAKEN_BACK,
    "used-up": CallExit.USED_UP,
    "request-changed": CallExit.CHANGED,
    "unavailable": CallExit.UNAVAILABLE,
    "principal-unknown": CallExit.UNAVAILABLE,
    "too-many-tickets": CallExit.UNAVAILABLE,
    "break-glass-exhausted": CallExit.UNAVAILABLE,
}


@pytest.mark.parametrize("kind", [problem.value.slug for problem in Problems if problem is not Problems.HELD])
def test_each_problem_has_its_code(kind: str) -> None:
    error = errors.error_of(Problem(kind, 403, "", ""))
    assert exit_of(error) is BY_KIND.get(kind, CallExit.REFUSED)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.WaitTimeout("", TICKET), CallExit.HELD),
        (errors.WaitStopped("", TICKET), CallExit.HELD),
        (errors.LostAnswer("", TICKET), CallExit.LOST),
        (errors.TicketNotSeen("", TICKET), CallExit.REFUSED),
        (HoldgateError(""), CallExit.REFUSED),
    ],
)
def test_what_is_unfinished_is_told_apart(error: HoldgateError, code: CallExit) -> None:
    assert exit_of(error) is code


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 0), (202, 0), (301, 22), (404, 22), (503, 22)])
def test_an_answer_of_the_upstreams_is_done_or_not(status: int, code: int) -> None:
    assert exit_of_status(status) == code


def test_the_page_has_a_row_for_each_code() -> None:
    assert list(map(int, re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE))) == list(map(int, CallExit))


def test_codes_that_other_commands_have_mean_the_same() -> None:
    shared = {code.name: int(code) for code in CallExit if code.value < 10 or code.value > 100}
    known = {code.name: int(code) for code in ExitCode}
    assert shared.pop("DONE") == known["OK"]
    assert shared.items() <= known.items()
