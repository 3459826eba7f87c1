"""What the figures were measured on. No names of machines or people."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench import cores
from tests.support.envoy import envoy_binary
from tools import opa


def facts() -> Mapping[str, str]:
    """Return the machine's shape, its load by others, and the versions of what was measured."""
    load, _, _ = os.getloadavg()
    pinned = f"load on core {cores.LOAD}, servers on {cores.SERVERS}" if cores.SERVERS else "no"
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "load before the run": f"{load:.1f}",
        "pinned": pinned,
        "python": platform.python_version(),
        "opa": _said(str(opa.find()), "version", pattern=r"Version: (\S+)"),
        "envoy": _said(str(envoy_binary()), "--version", pattern=r"/(\d+\.\d+\.\d+)"),
        "h2load": _said("h2load", "--version", pattern=r"nghttp2/(\S+)"),
    }


def warning() -> str:
    """Say when others use the machine: they take turns with what is measured, and not evenly."""
    load, _, _ = os.getloadavg()
    if load < (os.cpu_count() or 1) / 4:
        return ""
    return (
        f"Others use this machine (load {load:.1f}): rates and times are as much theirs as what was measured.\n"
        "CPU time a check suffers least."
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        match = re.search(r"^model name\s*: (.*)$", info.read_text(), re.MULTILINE)
        return match.group(1) if match else platform.machine()
    return _said("sysctl", "-n", "machdep.cpu.brand_string", pattern=r"(.*)")


def _said(*command: str, pattern: str) -> str:
    """Return the first match in a command's output, or `?`: a missing fact stops no measurement."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return "?"
    match = re.search(pattern, done.stdout)
    return match.group(1) if match else "?"
