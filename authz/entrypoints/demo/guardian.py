"""Ends the demo's processes when the demo itself was killed. Run as a script, by path, without the package.

Standard input is a pipe whose other end only the demo holds. `+PID` in a line is a process group that began,
`-PID` one that is gone. The end of the input means that the demo is gone, by whatever death: every group that
is left gets SIGTERM, then SIGKILL, and the sockets in the directory given as the argument are removed.

A pipe, not PR_SET_PDEATHSIG: it works on macOS too, reaches whole groups, and isn't tied to the thread that
forked. Each child writes its own line before it becomes the server, so none can be missed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

READY = "guarding"

_GRACE = 2.0  # seconds
_POLL = 0.02


def main() -> None:
    """Wait for the end of standard input, then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Until here such a signal would have ended this process, so nothing is entrusted to it before this line.
    print(READY, flush=True)  # noqa: T201 - to the supervisor, through a pipe
    groups: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        if line.startswith("+"):
            groups.add(pid)
        else:
            groups.discard(pid)
    end(groups)
    for path in Path(sys.argv[1]).glob("*"):
        path.unlink(missing_ok=True)


def end(groups: Iterable[int]) -> None:
    """SIGTERM every group, and SIGKILL what is left after the grace."""
    left = [group for group in groups if _signal(group, signal.SIGTERM)]
    deadline = time.monotonic() + _GRACE
    while left and time.monotonic() < deadline:
        time.sleep(_POLL)
        left = [group for group in left if _signal(group, 0)]
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Signal a group; False when it is gone (macOS says PermissionError of one that has only zombies)."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
