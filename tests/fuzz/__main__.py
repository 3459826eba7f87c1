"""Fuzzes every target of targets.py for long: `python -m tests.fuzz [--runs N] [--target NAME] [--input FILE]`.

Guided by coverage where atheris is there; else with damaged inputs, and it says so. What was found interesting stays
in .fuzz/NAME/ for the next time, and an input that broke a promise is .fuzz/NAME-crash-….
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import closing
from itertools import islice
from pathlib import Path

from tests.fuzz.boundary import rendered_logs
from tests.fuzz.differential.chance import Chance
from tests.fuzz.memory import FlatMemory
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import FOUND, MESSAGES, TARGETS, found, seeds
from tools import fuzzer

_ROOT = Path(__file__).parents[2]
_FOLDER = _ROOT / ".fuzz"
_LONGEST = 4_096
_WARM_UP = 20_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=200_000, metavar="N", help="inputs for each target")
    parser.add_argument("--target", choices=TARGETS, action="append", help="all of them without it")
    parser.add_argument(
        "--keep", action="store_true", help="write the inputs that found new ways to found/, to be committed"
    )
    parser.add_argument("--input", type=Path, metavar="FILE", help="try this input once, without coverage")
    given = parser.parse_args()
    names = given.target or list(TARGETS)
    if given.input:
        for name in names:
            _try(name, given.input.read_bytes())
        return 0
    atheris = fuzzer.find()
    if atheris is None:
        _tell(
            fuzzer.why_not()
            or "atheris isn't installed (`make fuzz` does that): without coverage, inputs are damaged"
        )
        return max(_unguided(name, given.runs) for name in names)
    if given.keep:
        for name in names:
            _keep(name, atheris)
        return 0
    return max(_guided(name, atheris, str(_FOLDER / name), str(given.runs)) for name in names)


def _guided(name: str, atheris: Path, *arguments: str) -> int:
    _FOLDER.mkdir(exist_ok=True)
    options = [f"-max_len={_LONGEST}", f"-artifact_prefix={_FOLDER / name}-", "-verbosity=0"]
    command = [sys.executable, "-m", "tests.fuzz.guided", name, *arguments, *options]
    paths = os.pathsep.join([str(atheris), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(command, cwd=_ROOT, env={**os.environ, "PYTHONPATH": paths}, check=False).returncode


def _keep(name: str, atheris: Path) -> None:
    """Write those inputs of .fuzz/NAME that reach what no seed reaches, each as a line of hex."""
    with tempfile.TemporaryDirectory() as folder:
        _guided(name, atheris, folder, "-1", "-merge=1", str(_FOLDER / name))
        known = set(seeds(name))
        inputs = {path.read_bytes() for path in Path(folder).iterdir()} - known
    FOUND.mkdir(exist_ok=True)
    kept = [*found(name), *sorted(inputs, key=lambda data: (len(data), data))]
    (FOUND / f"{name}.txt").write_text("".join(f"{data.hex()}\n" for data in kept), "ascii")
    _tell(f"{name}: {len(inputs)} more inputs kept, {len(kept)} in all")


def _unguided(name: str, runs: int) -> int:
    memory = FlatMemory(_WARM_UP)
    with closing(TARGETS[name]()) as target, rendered_logs():
        for data in islice(mutated(seeds(name), Chance(), messages=name in MESSAGES), runs):
            try:
                target(data)
            except Exception as error:
                error.add_note(f"{name}, input {data.hex()}")
                raise
            memory.count()
        _tell(f"{name}: {runs:,} inputs, {dict(target.seen)}, {memory.text()}")
    return 0


def _try(name: str, data: bytes) -> None:
    with closing(TARGETS[name]()) as target, rendered_logs():
        target(data)
        _tell(f"{name}: {dict(target.seen)}")


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
