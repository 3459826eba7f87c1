"""Runs a `holdgate` command of this very installation to its end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_PATIENCE = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left: its exit code, what it printed and what it complained about."""

    code: int
    printed: str
    complaints: str


async def own_command(environ: Mapping[str, str], *arguments: str) -> Ended:
    """Run `holdgate ARGUMENTS` with this environment.

    Raises TimeoutError when it doesn't end. It is killed then, and when the caller is cancelled. The guardian
    doesn't know it: if the demo is killed, it ends by itself.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "authz.entrypoints.cli.main", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environ),
        start_new_session=True,  # Ctrl-C is ours to pass on
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            printed, complaints = await process.communicate()
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise
    return Ended(process.returncode or 0, printed.decode(), complaints.decode("utf-8", "replace").strip())
