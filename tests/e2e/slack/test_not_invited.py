"""Who forgets step 3 of docs/slack.md finds out why no card comes, and gets it as the page says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from authz.domain.token import short_code
from tests.e2e.slack import page
from tests.e2e.slack.following import SOCKET, Followed, followed, invite
from tests.support.gate_backing import fresh
from tests.support.gate_opa import ROOT
from tests.support.gate_server import SHIPPED
from tests.support.slack_people import buttons, press
from tests.support.waiting import until


def command(there: Followed, words: Sequence[str]) -> str:
    """Type a command of Holdgate's with the gate's settings, and return what it prints."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HOLDGATE_")}
    assert words[0] == "holdgate"
    done = subprocess.run(
        [sys.executable, "-m", SHIPPED, *words[1:]],
        cwd=ROOT,
        env={**clean, **there.gate.environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def dead_letters(there: Followed) -> list[dict[str, Any]]:
    """Return what `holdgate deliveries list` says."""
    printed = command(there, ["holdgate", "deliveries", "list", "--direct", "--json"])
    found: list[dict[str, Any]] = json.loads(printed).get("letters", [])
    return found


def replaying() -> list[str]:
    """Return the command by which the page sends dead letters again."""
    (line,) = re.findall(r"`(holdgate deliveries replay [^`]+)`", page.PAGE)
    return shlex.split(line)


async def test_without_step_3_the_notice_is_a_dead_letter_that_comes_once_the_app_is_invited(
    tmp_path: Path,
) -> None:
    async with followed(tmp_path, SOCKET, invited=False) as there:
        slack, server = there.slack, there.server
        held = await asyncio.to_thread(there.gate.hold, fresh("hold"))
        buried = "holdgate_dead_letters_total"
        await asyncio.to_thread(until, "the dead letter", lambda: server.metric(buried) == 1)
        (letter,) = await asyncio.to_thread(dead_letters, there)
        assert (letter["ticketId"], letter["type"]) == (held.id, "ticket.created")
        assert "not_in_channel" in letter["why"]
        assert "notice.buried" in server.log.read_text()
        assert slack.cards() == []
        # What the page makes of it.
        assert re.search(r"^\| a dead letter with `not_in_channel`[^|]*\| step 3:", page.PAGE, re.MULTILINE)
        invite(slack)
        said = await asyncio.to_thread(command, there, replaying())
        assert "is sent again" in said
        await slack.until(lambda: len(slack.cards()) == 1)
        card = slack.card()
        assert short_code(held.id) in card.text
        assert await asyncio.to_thread(dead_letters, there) == []
        await there.does(press(slack, "U0BOB", card, "holdgate_approve"))
        await slack.until(lambda: [one["text"]["text"] for one in buttons(card)] == ["Open the ticket"])
        assert there.gate.record(held.id)[b"state"] == b"approved"
