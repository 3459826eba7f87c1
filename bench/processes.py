"""What a process has used so far, without a library: /proc where there is one, else `ps`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_KIB = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds (user and system, all threads) since the start, and resident bytes now."""

    cpu_s: float
    rss: int


def usage(pid: int) -> Usage:
    """Return what a process uses. Raises OSError or CalledProcessError when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        return of_stat(stat.read_text(), os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"))
    line = subprocess.run(
        ["ps", "-o", "time=,rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    ).stdout
    return of_ps(line)


def of_stat(text: str, ticks: int, page: int) -> Usage:
    """Read /proc/PID/stat: fields 14 and 15 are CPU time in ticks, 24 is resident pages (proc(5))."""
    # The name before the last parenthesis may have spaces.
    fields = text.rpartition(")")[2].split()
    return Usage((int(fields[11]) + int(fields[12])) / ticks, int(fields[21]) * page)


def of_ps(line: str) -> Usage:
    """Read `[[DD-]HH:]MM:SS[.FF] KIB`."""
    time, kib = line.split()
    days, _, clock = time.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return Usage(seconds + 86_400 * int(days or 0), int(kib) * _KIB)


@dataclass(frozen=True, slots=True)
class Costs:
    """What each process used over a run: CPU microseconds a check, and resident bytes at its end."""

    cpu_us: Mapping[str, float]
    rss: Mapping[str, int]


class Meter:
    """Reads several processes before and after a run."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._before = {name: usage(pid) for name, pid in pids.items()}

    def costs(self, checks: int) -> Costs:
        """Return what was used since the construction, divided by so many checks."""
        after = {name: usage(pid) for name, pid in self._pids.items()}
        return Costs(
            {name: (after[name].cpu_s - self._before[name].cpu_s) / checks * 1e6 for name in after},
            {name: each.rss for name, each in after.items()},
        )
