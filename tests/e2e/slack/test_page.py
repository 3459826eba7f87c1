"""docs/slack.md is followed step by step, by somebody who knows nothing else, before a Slack that is a double."""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from authz.domain.token import short_code
from authz.entrypoints.chat.slack_app import COMMAND
from authz.entrypoints.chat.slack_http import PATH
from authz.entrypoints.demo.people import ISSUER
from authz.setting_slack import SlackRoom
from authz.settings import Settings
from tests.e2e.slack import page
from tests.e2e.slack.following import HTTP, SOCKET, followed, page_address, scopes
from tests.support.gate import Gate
from tests.support.gate_backing import fresh
from tests.support.gate_opa import ROOT
from tests.support.slack_people import buttons, command, press, submission
from tests.support.slack_state import APP_TOKEN, BOT_TOKEN, CHANNEL, SIGNING_SECRET, TEAM


def test_the_page_has_the_steps_that_are_followed() -> None:
    for number in page.STEPS:
        assert page.step(number)


def test_before_the_steps_it_names_what_a_gate_that_holds_needs() -> None:
    before = page.PAGE.partition("\n## ")[0]
    linked = {name for name in re.findall(r"\]\(([a-z-]+\.md)", before) if (ROOT / "docs" / name).is_file()}
    assert {"envoy.md", "check-server.md", "redis.md", "policies.md", "approvals.md"} <= linked
    named = set(re.findall(r"`HOLDGATE_([A-Z_]+)`", before))
    assert named == {"GRPC_LISTEN", "PRINCIPAL_FROM", "OPA_URL", "REDIS_URL", "TICKET_KEYS"}
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_step_1_makes_the_same_app_for_both_ways() -> None:
    ways = {SOCKET: page.manifest(), HTTP: page.http_manifest()}
    for way, described in ways.items():
        (typed,) = described["features"]["slash_commands"]
        assert typed["command"] == COMMAND
        assert described["settings"]["interactivity"]["is_enabled"] is True
        assert described["settings"]["socket_mode_enabled"] is (way == SOCKET)
    assert scopes(ways[SOCKET]) == scopes(ways[HTTP]) == {"chat:write", "commands", "im:write"}
    assert page_address() == f"{page.settings()['public_url']}{PATH}"


def test_step_3_shows_the_ids_that_step_5_takes() -> None:
    assert page.block("text address").strip().split("/")[-2:] == [TEAM, CHANNEL]
    channel = page.settings()["channels"]["prod-approvals"]
    assert (channel["team"], channel["channel"]) == (TEAM, CHANNEL)


def test_step_4_installs_what_is_needed() -> None:
    assert page.command(4) == ["pip", "install", "holdgate[slack]"]
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["slack"]
    assert [name.partition(">")[0] for name in extra] == ["aiohttp", "slack-bolt"]


def test_every_setting_of_the_kind_is_in_the_table() -> None:
    table = page.PAGE.partition("## Settings of the channel")[2].partition("\n## ")[0]
    named = {name for name in SlackRoom.model_fields if f"`{name}`" in table}
    assert named == set(SlackRoom.model_fields) - {"kind"}


def test_every_line_of_the_log_and_every_answer_that_it_names_is_one() -> None:
    folders = [
        ROOT / "authz" / place for place in ("entrypoints/chat", "adapters/slack", "bootstrap", "domain")
    ]
    sources = "\n".join(path.read_text() for folder in folders for path in folder.glob("*.py"))
    trouble = page.PAGE.partition("## When nothing comes")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(slack\.[a-z_]+)`", page.PAGE))
    assert {"slack.socket_connected", "slack.socket_failed", "slack.unsigned"} <= named
    assert [name for name in named if f'"{name}"' not in sources] == []
    assert [said for said in re.findall(r"\*([A-Zm][^*]+)\*", trouble) if said in sources] == [
        "The directory doesn't know you",
        "members of the workspace that Holdgate is installed in",
    ]


@pytest.mark.parametrize("mode", [SOCKET, HTTP])
async def test_whoever_follows_the_page_sees_the_first_card_approved(tmp_path: Path, mode: str) -> None:
    async with followed(tmp_path, mode) as there:
        slack = there.slack
        held, card = await there.hold()
        assert [one["text"]["text"] for one in buttons(card)] == ["Approve", "Reject", "Details"]
        assert (card.channel, card.text.startswith("Approval needed")) == (CHANNEL, True)
        await there.does(press(slack, "U0BOB", card, "holdgate_approve"))
        await slack.until(lambda: [one["text"]["text"] for one in buttons(card)] == ["Open the ticket"])
        assert card.text.startswith("Approved · ")
        await slack.until(lambda: any("It was approved." in line for line in slack.thread(card)))
        (target,) = [request["http"]["path"] for request in _inputs(there.gate)][-1:]
        answer = await asyncio.to_thread(there.gate.send, target, held.ticket)
        assert answer.status == 200
        await slack.until(lambda: card.text.startswith("Approved and used"))
        if mode == SOCKET:
            assert "slack.socket_connected" in there.server.log.read_text()
            assert there.server.metric("holdgate_slack_unconnected") == 0
        assert "slack.not_checked" not in there.server.log.read_text()
        log = there.server.log.read_text()
        for secret in (BOT_TOKEN, APP_TOKEN, SIGNING_SECRET):
            assert secret not in log


async def test_what_the_page_says_people_can_do(tmp_path: Path) -> None:
    async with followed(tmp_path, SOCKET) as there:
        slack = there.slack
        _, card = await there.hold()
        await there.does(press(slack, "U0CAROL", card, "holdgate_approve"))
        await slack.until(lambda: bool(slack.whispers))
        assert slack.whispers[-1].user == "U0CAROL"
        await there.does(press(slack, "U0BOB", card, "holdgate_reject"))
        await slack.until(lambda: bool(slack.windows))
        (window,) = slack.windows.values()
        await there.does(submission(slack, "U0BOB", window, "not today"))
        await slack.until(lambda: card.text.startswith("Rejected · "))
        held, other = await there.hold()
        await there.does(command(slack, "U0BOB", ""))
        await slack.until(lambda: len(slack.responses) == 1)
        assert slack.responses[0]["text"] == "1 waiting for you"
        await there.does(command(slack, "U0BOB", f"approve {short_code(held.id)} as agreed"))
        await slack.until(lambda: other.text.startswith("Approved · "))


async def test_people_asked_by_name_are_written_to_and_the_requester_hears_the_outcome(
    tmp_path: Path,
) -> None:
    alice = {
        "name": "Alice",
        "groups": [],
        "identities": [{"ns": ISSUER, "id": "alice"}, {"ns": TEAM, "id": "U0ALICE"}],
    }
    route = {"channels": ["prod-approvals"], "tell_requester": True}
    async with followed(tmp_path, SOCKET, {"alice": alice}, route) as there:
        slack = there.slack
        target = fresh("hold")
        asked = {"rule": "hold", "reason": "x", "approvers": [{"user": {"ns": TEAM, "id": "U0BOB"}}]}
        said = {"allowed": False, "approval": asked}
        await asyncio.to_thread(there.gate.backing.opa.say, target.rpartition("/")[2], said)
        await asyncio.to_thread(there.gate.hold, target)
        await slack.until(lambda: len(slack.cards("D0BOB")) == len(slack.cards()) == 1)
        private = slack.card("D0BOB")
        await there.does(press(slack, "U0BOB", private, "holdgate_approve"))
        for card in (private, slack.card()):
            await slack.until(lambda card=card: card.text.startswith("Approved · "))  # type: ignore[misc]
        await slack.until(lambda: len(slack.cards("D0ALICE")) == 1)
        assert slack.card("D0ALICE").text.startswith("Approved · ")
        assert [one["text"]["text"] for one in buttons(slack.card("D0ALICE"))] == ["Open the ticket"]


async def test_what_slack_did_not_sign_gets_401_as_the_page_says(tmp_path: Path) -> None:
    async with followed(tmp_path, HTTP) as there:
        answer = await there.console.post(page_address())
        assert answer.status_code == 401


def _inputs(gate: Gate) -> list[dict[str, Any]]:
    found = [one["attributes"]["request"] for one in gate.backing.opa.inputs if "attributes" in one]
    assert found
    return found
