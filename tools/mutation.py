"""Mutation testing with mutmut: `python -m tools.mutation [--workers N] [PATH …]`.

PATH is a file or folder of what [tool.mutmut] in pyproject.toml mutates, to be tried as a whole. Without one, all of
that is: what is left since the last time, what changed, and what no test noticed. Those that none noticed are shown,
and a line for each file says how many there are. Ends with status 1 when fewer than LEAST_PERCENT of all were noticed.
Results stay in mutants/.

mutmut lives in .tools/mutation, and runs with the project's own interpreter and packages before it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import runpy
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import python_env

ROOT = Path(__file__).resolve().parent.parent
LEAST_PERCENT = 90
_FOLDER = "mutants"
_NOTICED = frozenset({"killed", "timeout"})
_NOT_TRIED = frozenset({"not checked", "check was interrupted by user"})


@dataclass(frozen=True)
class Result:
    """What became of the mutants of one file: how many there are, and the status of each that no test noticed."""

    path: str
    mutants: int
    unnoticed: dict[str, str]

    @property
    def noticed(self) -> int:
        """How many some test noticed."""
        return self.mutants - len(self.unnoticed)


def main() -> None:
    """Run mutmut on what was asked for, and say what became of it."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument(
        "--workers", type=int, default=2, metavar="N", help="mutants tried at once, 2 if not said"
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="what to mutate of what pyproject.toml names"
    )
    given = parser.parse_args()
    os.chdir(ROOT)
    patterns = [pattern(path) for path in given.paths]
    _add_packages()
    statuses = importlib.import_module("mutmut.stats").status_by_exit_code
    forget_unnoticed(ROOT / _FOLDER, statuses)
    _mutmut("run", "--max-children", str(given.workers), *patterns)
    found = [one for one in results(ROOT / _FOLDER, statuses) if chosen(one.path, given.paths)]
    for result in found:
        for name in result.unnoticed:
            print(f"\n{result.unnoticed[name]}: {name}\n{_difference(name)}")
    print(report(found))
    if percent(found) < LEAST_PERCENT:
        sys.exit(
            f"Fewer than {LEAST_PERCENT} % were noticed: the tests say too little about what these files promise."
        )


def pattern(path: str) -> str:
    """Return mutmut's name for all mutants of a file or a folder, given from the root of the repository."""
    return f"{path.rstrip('/').removesuffix('.py').replace('/', '.')}.*"


def chosen(path: str, paths: Sequence[str]) -> bool:
    """Say whether a file is one of those asked for, or below one; every file is where nothing was asked for."""
    return not paths or any(path == one or path.startswith(f"{one.rstrip('/')}/") for one in paths)


def results(folder: Path, statuses: Mapping[int | None, str]) -> Iterator[Result]:
    """Read what mutmut wrote down, for the files of which any mutant was tried; `statuses` is its own words."""
    for kept in sorted(folder.rglob("*.py.meta")):
        codes: dict[str, int | None] = json.loads(kept.read_text("utf-8"))["exit_code_by_key"]
        tried = {name: statuses[code] for name, code in codes.items() if statuses[code] not in _NOT_TRIED}
        if tried:
            unnoticed = {name: status for name, status in tried.items() if status not in _NOTICED}
            yield Result(kept.relative_to(folder).as_posix().removesuffix(".meta"), len(tried), unnoticed)


def forget_unnoticed(folder: Path, statuses: Mapping[int | None, str]) -> None:
    """Have what no test noticed tried again: there may be new tests, and mutmut looks for new code alone."""
    for kept in folder.rglob("*.py.meta"):
        written = json.loads(kept.read_text("utf-8"))
        codes = written["exit_code_by_key"]
        written["exit_code_by_key"] = {
            name: code if statuses[code] in _NOTICED else None for name, code in codes.items()
        }
        kept.write_text(json.dumps(written), "utf-8")


def percent(found: Sequence[Result]) -> float:
    """Return how many of all mutants were noticed; 100 where there is none."""
    mutants = sum(result.mutants for result in found)
    return 100 * sum(result.noticed for result in found) / mutants if mutants else 100


def report(found: Sequence[Result]) -> str:
    """Return a table of mutants, noticed ones and their share, by file and in all."""
    head = f"{'':<48} {'mutants':>7} {'noticed':>7} {'%':>6}"
    return "\n".join([head, *(_row(one.path, [one]) for one in found), _row("in all", found)])


def _row(title: str, of: Sequence[Result]) -> str:
    mutants, noticed = sum(one.mutants for one in of), sum(one.noticed for one in of)
    return f"{title:<48} {mutants:>7} {noticed:>7} {percent(of):>6.1f}"


def _mutmut(*arguments: str) -> None:
    """Run its command here, so that what it forks has the project's packages. Raises SystemExit when it fails."""
    sys.argv = ["mutmut", *arguments]
    try:
        runpy.run_module("mutmut", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code:
            raise


def _difference(name: str) -> str:
    text: str = importlib.import_module("mutmut.mutation.diff_apply").get_diff_for_mutant(name)
    changed = [line for line in text.splitlines() if line[:1] in "+-" and not line.startswith(("+++", "---"))]
    return "\n".join(changed)


def _add_packages() -> None:
    """Make mutmut importable, after the project's own packages."""
    environment = python_env.ASIDE / "mutation"
    found = next(environment.glob("lib/python3*/site-packages"), None)
    if found is None:
        sys.exit(f"{environment} is not there: `make mutate` installs it.")
    sys.path.append(str(found))


if __name__ == "__main__":
    main()
