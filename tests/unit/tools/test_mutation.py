"""What `make mutate` makes of what mutmut wrote down."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tools import mutation

ROOT = Path(__file__).parents[3]
STATUSES = {
    0: "survived",
    1: "killed",
    33: "no tests",
    36: "timeout",
    37: "caught by type check",
    None: "not checked",
}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return a folder with the results of one file that was tried in part, and one that wasn't."""
    folder = tmp_path / "mutants"
    for name, codes in {
        "authz/domain/seating.py": {"a": 1, "b": 0, "c": 36, "d": 33, "e": None},
        "authz/domain/quorum.py": {"a": None},
    }.items():
        kept = folder / f"{name}.meta"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({"exit_code_by_key": codes}), "utf-8")
    return folder


def test_a_mutant_that_runs_for_ever_is_noticed_and_one_that_no_test_reaches_is_not(written: Path) -> None:
    (found,) = mutation.results(written, STATUSES)

    assert found.path == "authz/domain/seating.py"
    assert (found.mutants, found.noticed) == (4, 2)
    assert found.unnoticed == {"b": "survived", "d": "no tests"}
    assert mutation.percent([found]) == 50
    rows = [line.split()[-3:] for line in mutation.report([found]).splitlines()[1:]]
    assert rows == [["4", "2", "50.0"]] * 2


def test_what_no_test_noticed_is_tried_again_and_nothing_else(written: Path) -> None:
    mutation.forget_unnoticed(written, STATUSES)

    kept = json.loads((written / "authz/domain/seating.py.meta").read_text("utf-8"))
    assert kept["exit_code_by_key"] == {"a": 1, "b": None, "c": 36, "d": None, "e": None}


def test_nothing_tried_is_nothing_missed() -> None:
    assert mutation.percent([]) == 100
    assert mutation.report([]).endswith("100.0")


@pytest.mark.parametrize(
    ("paths", "same"),
    [
        ([], True),
        (["authz/domain/seating.py"], True),
        (["authz/domain/"], True),
        (["authz/domain"], True),
        (["authz/services", "authz/domain/seat"], False),
    ],
)
def test_a_file_is_chosen_by_its_name_or_by_its_folder(paths: list[str], same: bool) -> None:
    assert mutation.chosen("authz/domain/seating.py", paths) is same


def test_a_path_names_all_of_its_mutants() -> None:
    assert mutation.pattern("authz/domain/seating.py") == "authz.domain.seating.*"
    assert mutation.pattern("authz/services/check/") == "authz.services.check.*"


def test_what_is_mutated_and_by_which_tests_is_there() -> None:
    """A file that was moved would be left out without a word."""
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]
    for name in (*configured["only_mutate"], *configured["pytest_add_cli_args_test_selection"]):
        assert list(ROOT.glob(name)), name
