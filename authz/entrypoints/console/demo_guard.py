"""Proof that this is a demo: its Redis and its OPA live and die with this run."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from urllib.parse import urlsplit

from authz.domain.errors import SettingsInvalid
from authz.entrypoints.console.local_only import is_loopback

PS_SECONDS = 5.0
_INIT = 1
_SOCKET_SCHEMES = frozenset({"unix", "http+unix", "redis+socket"})


@dataclass(frozen=True, slots=True)
class Helper:
    """A server that a demo started: its name, its process id, and the address that Holdgate uses."""

    name: str
    pid: int
    url: str


@dataclass(frozen=True, slots=True)
class DemoGuard:
    """Existing proves the claim: sign-in without real proof can only be built on one of these.

    Each helper must be a child of this process, or of the process that started this one, and must be reached
    by loopback or a unix socket. A production Redis is neither.

    Raises SettingsInvalid with every problem, OSError or subprocess.SubprocessError when `ps` can't be asked.
    """

    redis: Helper
    opa: Helper

    def __post_init__(self) -> None:
        """Check both, so that an unproven guard can't exist."""
        problems = [problem for helper in (self.redis, self.opa) for problem in _problems(helper)]
        if problems:
            raise SettingsInvalid(problems)


def parent_of(pid: int) -> int | None:
    """Return the parent's process id by `ps` (POSIX), None when there is no such process."""
    done = subprocess.run(  # noqa: S603 - a fixed command and a number
        ["ps", "-o", "ppid=", "-p", str(pid)],  # noqa: S607 - its place differs between systems
        capture_output=True,
        text=True,
        timeout=PS_SECONDS,
        check=False,
    )
    text = done.stdout.strip()
    return int(text) if done.returncode == 0 and text.isdigit() else None


def _problems(helper: Helper) -> list[str]:
    found = []
    if not _is_local(helper.url):
        found.append(
            f"demo sign-in is refused: {helper.name} is at {urlsplit(helper.url).hostname or 'nowhere'}, "
            "not on this machine's loopback; the demo runs its own"
        )
    parent = parent_of(helper.pid) if helper.pid > 0 and helper.pid != os.getpid() else None
    ours = {os.getpid(), os.getppid()}
    if os.getpid() != _INIT:
        ours.discard(
            _INIT
        )  # everything that a service manager starts has this parent, a production Redis as well
    if parent not in ours:
        found.append(
            f"demo sign-in is refused: {helper.name} (process {helper.pid}) was not started by this run "
            f"(its parent is {parent or 'unknown'}); start the demo with `holdgate demo`"
        )
    return found


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme in _SOCKET_SCHEMES:
        return not parts.hostname and parts.path.startswith("/")
    return parts.scheme in {"http", "redis"} and bool(parts.hostname) and is_loopback(parts.hostname or "")
