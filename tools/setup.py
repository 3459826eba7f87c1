"""Installs what a make target needs: `python -m tools.setup run|check|test|cards|fuzz|mutation|bench|envoy-VERSION`.

What is independent is done at the same time; what is there already costs nothing.
"""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tools import envoys, fuzzer, npm, opa, python_env, system_packages
from tools.console import LIMIT_S, SetupError, say

TOOLS = Path(__file__).resolve().parent.parent / ".tools"


def _python_for_check() -> None:
    python_env.prepare("dev")


def _python_for_run() -> None:
    python_env.prepare("run")


def _python_for_test() -> None:
    python_env.prepare("dev")
    python_env.prepare_aside("xds")


def _python_for_fuzz() -> None:
    python_env.prepare("dev")
    fuzzer.prepare()


def _python_for_mutation() -> None:
    python_env.prepare("dev")
    python_env.prepare_aside("mutation")


STEPS: dict[str, tuple[Callable[[], None], ...]] = {
    "run": (_python_for_run, opa.prepare),
    "check": (_python_for_check, opa.prepare),
    "test": (_python_for_test, opa.prepare, system_packages.prepare, npm.prepare_if_possible),
    "cards": (_python_for_check, system_packages.prepare, npm.prepare),
    "fuzz": (_python_for_fuzz, opa.prepare, system_packages.prepare),
    "mutation": (_python_for_mutation,),
    "bench": (_python_for_check, opa.prepare, system_packages.prepare_bench),
    **{f"envoy-{version}": (partial(envoys.prepare, version),) for version in envoys.OLDER},
}


def main() -> None:
    """Run the steps of the named target and end with status 1 when one of them can't be done."""
    if len(sys.argv) != 2 or sys.argv[1] not in STEPS:  # noqa: PLR2004 - the script and one target
        sys.exit(f"usage: python -m tools.setup {'|'.join(STEPS)}")
    started = time.monotonic()
    try:
        with _alone():
            problems = _do(STEPS[sys.argv[1]])
    except SetupError as error:
        problems = [error]
    if problems:
        sys.exit("\n\n".join(["", *(str(problem) for problem in problems)]))
    took = time.monotonic() - started
    if took > 1:
        say("set-up", f"done in {took:.0f} s")


def _do(steps: tuple[Callable[[], None], ...]) -> list[SetupError]:
    with ThreadPoolExecutor(len(steps)) as pool:
        errors = [future.exception() for future in [pool.submit(step) for step in steps]]
    problems = []
    for error in errors:
        if isinstance(error, SetupError):
            problems.append(error)
        elif error is not None:
            raise error
    return problems


@contextmanager
def _alone() -> Iterator[None]:
    """Hold this working copy's lock: two set-ups at once would install into each other. Raises SetupError."""
    TOOLS.mkdir(exist_ok=True)
    patience = time.monotonic() + LIMIT_S
    told = False
    with (TOOLS / ".lock").open("w", encoding="utf-8") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > patience:
                    raise SetupError(f"Another set-up here is not done after {LIMIT_S} s.") from None
                if not told:
                    say("set-up", "waiting for another one in this working copy")
                    told = True
                time.sleep(0.2)
        yield


if __name__ == "__main__":
    main()
