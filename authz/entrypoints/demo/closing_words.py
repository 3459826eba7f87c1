"""What to try once the walk is over."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from authz.entrypoints.console.demo_address import one_time_address
from authz.entrypoints.demo.ports import LOOPBACK
from authz.entrypoints.demo.room_pages import room_address
from authz.entrypoints.demo.stack import Stack

_DEPLOYMENT = '{"service": "billing", "version": "2.0.0", "environment": "production"}'


def closing_words(stack: Stack, room_port: int) -> str:
    """Return the lines: requests to send, where to approve, which file to edit."""
    parts = stack.parts
    holdgate = _command()
    return f"""
Everything goes on running. In another terminal:

    GATE=http://{LOOPBACK}:{parts.ports.envoy}
    ALICE="authorization: Bearer $({holdgate} demo token alice)"
    curl -i $GATE/resources -H "$ALICE"
    curl -i $GATE/deployments -H "$ALICE" --json '{_DEPLOYMENT}'

The second one is held. Approve it as Carol, here or there:

    {one_time_address(stack.console, stack.sign_in_key)}
    (good once, for one browser; `{holdgate} demo sign-in` prints another)
    {holdgate} tickets list --as carol
    {holdgate} tickets approve ID --as carol

The chat room, where the cards are as Teams would draw them; a button opens the page beside it:

    {room_address(room_port)}

Then send it again with -H "x-approval-ticket: …" and the token that it got.

The policy is in {_shown(parts.policies / "demo")}, and a saved edit is in force at once.
The logs are in {_shown(parts.run.logs)}. Ctrl-C ends it all."""


def _command() -> str:
    """Return how to call this very installation: by name where PATH leads to it, else by path."""
    own = Path(sys.executable).with_name("holdgate")
    found = shutil.which("holdgate")
    name = "holdgate" if found and Path(found).samefile(own) else _shown(own)
    return f"RUN_DIR={os.environ['RUN_DIR']} {name}" if os.environ.get("RUN_DIR") else name


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
