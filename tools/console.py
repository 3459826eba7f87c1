"""Short lines about what is being done, from several threads at once."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

STILL_AT_IT_S = 15
LIMIT_S = 900
LAST_LINES = 20

_one_at_a_time = threading.Lock()


class SetupError(Exception):
    """What only the person at the keyboard can mend. The text says what happened and what to do."""


def say(step: str, text: str) -> None:
    """Print one line under the step's name."""
    with _one_at_a_time:
        print(f"{step:<8} {text}", flush=True)


def run(step: str, argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a command quietly, with a sign of life now and then.

    `env` is added to the environment. Raises SetupError with the command's last lines when it fails, or when
    it takes longer than LIMIT_S seconds.
    """
    started = time.monotonic()
    output = None
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        while output is None:
            try:
                output, _ = process.communicate(timeout=STILL_AT_IT_S)
            except subprocess.TimeoutExpired:
                elapsed = time.monotonic() - started
                if elapsed > LIMIT_S:
                    process.kill()
                    message = f"`{_shown(argv)}` was stopped: not done after {elapsed:.0f} s."
                    raise SetupError(message) from None
                say(step, f"still at it ({elapsed:.0f} s)")
    if process.returncode != 0:
        tail = "\n".join(output.rstrip().splitlines()[-LAST_LINES:])
        raise SetupError(f"`{_shown(argv)}` ended with status {process.returncode}:\n{tail}")


def _shown(argv: Sequence[str | Path]) -> str:
    return " ".join(str(part) for part in argv)
