"""How much memory a process has, and whether that stays as it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

GROWTH_BYTES: Final = 50_000_000
_EVERY: Final = 100
_KIB: Final = 1024


def resident_bytes(pid: int | None = None) -> int:
    """Return the resident set size of a process, this one if none is named."""
    number = os.getpid() if pid is None else pid
    status = Path(f"/proc/{number}/statm")
    if status.exists():
        return int(status.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    said = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(number)], check=True, capture_output=True, timeout=10
    )
    return int(said.stdout) * _KIB


class GrowingMemory(AssertionError):
    """A process has more memory than it had after its warm-up, and more than the bound allows."""


class FlatMemory:
    """Looks every so many inputs. Caches fill up in the first ones; what is there then is what has to do."""

    def __init__(self, warm_up: int, *, pid: int | None = None, bound: int = GROWTH_BYTES) -> None:
        """`warm_up` inputs of this process, or of the one with `pid`, are not judged; `bound` is in bytes."""
        self.growth = self.inputs = 0
        self._warm_up = warm_up
        self._pid = pid
        self._bound = bound
        self._before: int | None = None

    def text(self) -> str:
        """Say how far it grew."""
        if self._before is None:
            return f"memory not looked at, which takes {self._warm_up:,}"
        return f"{self.growth / 1e6:.1f} MB more at most than after {self._warm_up:,}"

    def count(self) -> None:
        """Count one input. Raises GrowingMemory."""
        self.inputs += 1
        if self.inputs < self._warm_up or (self.inputs % _EVERY and self._before is not None):
            return
        now = resident_bytes(self._pid)
        if self._before is None:
            self._before = now
        self.growth = max(self.growth, now - self._before)
        if self.growth > self._bound:
            raise GrowingMemory(
                f"{self.growth / 1e6:.0f} MB more after {self.inputs:,} inputs than after {self._warm_up:,}; "
                f"the bound is {self._bound / 1e6:.0f} MB"
            )
