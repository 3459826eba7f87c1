"""docs/teams.md is followed step by step, by somebody who knows nothing else, before a Bot Framework that is a double.

The ids that the page has are those of that double's tenant, so that nothing has to be put in their place. What the page
can't know is the secret, and where the double is.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from authz.domain.token import short_code
from authz.setting_teams_bot import TeamsBot
from authz.settings import Settings
from tests.e2e.teams_bot import page
from tests.support.bot_framework_server import OPENID, BotFramework, bot_framework
from tests.support.gate import Gate, envoy_before, servers
from tests.support.gate_backing import Backing, backing, fresh
from tests.support.gate_opa import ROOT, TEST_POLICY
from tests.support.teams_client import TeamsClient
from tests.support.teams_rooms import Message, Room

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Followed:
    """What there is once the page was followed."""

    gate: Gate
    vendor: BotFramework
    teams: TeamsClient
    room: Room
    console: httpx.AsyncClient


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that the processes do. Raises AssertionError."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{what} never came") from None


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


def test_step_3_makes_an_app_that_teams_takes(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    words = page.command(3)
    assert words[0] == "python3"
    subprocess.run([sys.executable, "-I", *words[1:]], cwd=tmp_path, check=True, capture_output=True)
    with zipfile.ZipFile(tmp_path / words[-1]) as app:
        assert sorted(app.namelist()) == ["color.png", "manifest.json", "outline.png"]
        manifest = json.loads(app.read("manifest.json"))
    described = page.settings()["channels"]["prod-approvals"]
    assert manifest["bots"][0]["botId"] == described["app_id"]
    assert manifest["validDomains"] == ["holdgate.example"]


def test_every_setting_of_the_kind_is_in_the_table() -> None:
    table = page.PAGE.partition("## Settings of the channel")[2].partition("\n## ")[0]
    named = {name for name in TeamsBot.model_fields if f"`{name}`" in table}
    assert named == set(TeamsBot.model_fields) - {"kind"}


def test_every_reason_for_a_refusal_that_it_names_is_one() -> None:
    sources = [path.read_text() for path in (ROOT / "authz" / "adapters" / "bot_framework").glob("*.py")]
    for code in ("wrong-audience", "foreign-tenant", "expired", "not-yet-valid", "keys-unavailable"):
        assert f"`{code}`" in page.PAGE
        assert any(f'"{code}"' in source for source in sources)


def policy_of(people: dict[str, Any], folder: Path) -> str:
    """Return a folder with a policy that holds, whose directory has the people of the page beside the others."""
    shutil.copytree(ROOT / TEST_POLICY, folder)
    data = json.loads((folder / "data.json").read_text())
    data["directory"]["people"] |= people
    (folder / "data.json").write_text(json.dumps(data))
    return str(folder)


def settings_file(vendor: BotFramework, folder: Path) -> Path:
    """Write the settings of the page down, with what it can't know."""
    described = page.settings()
    channel = described["channels"]["prod-approvals"]
    assert (channel["app_id"], channel["tenant_id"]) == (vendor.app_id, vendor.tenant)
    channel["app_secret"] = vendor.app_secret
    channel |= {
        "service_url": vendor.service_url,
        "login_url": vendor.base,
        "openid_url": f"{vendor.base}{OPENID}",
    }
    path = folder / "holdgate.yaml"
    path.write_text(yaml.safe_dump(described))
    return path


def named_room(vendor: BotFramework) -> Room:
    """Make the channel that step 5 names."""
    (link,) = page.settings()["channels"]["prod-approvals"]["post_to"]
    identifier = link.partition("/channel/")[2].partition("/")[0].replace("%3A", ":").replace("%40", "@")
    room = vendor.rooms[identifier] = Room(identifier, "channel", (), "19:team@thread.tacv2")
    return room


@asynccontextmanager
async def followed(tmp_path: Path, *, installed: bool = True) -> AsyncIterator[Followed]:
    """Follow the page in its order; step 4 is left out unless `installed`."""
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(bot_framework())
        room = named_room(vendor)
        # Nothing listens yet, so that the bot never hears of step 4.
        room.bot_in = installed
        blocking = ExitStack()
        stack.push_async_callback(asyncio.to_thread, blocking.close)
        config = settings_file(vendor, tmp_path)
        folder = tmp_path / "gate"
        folder.mkdir()
        policy = policy_of(page.directory(), tmp_path / "policy")

        def started() -> tuple[Backing, Gate]:
            around = blocking.enter_context(backing(folder, policy))
            environ = around.environ() | {"HOLDGATE_CONFIG": str(config)}
            for name in ("HOLDGATE_CHANNELS", "HOLDGATE_ROUTES"):
                del environ[name]
            assert page.serving()[:2] == ["holdgate", "serve"]
            running = blocking.enter_context(servers(around, environ, page.serving()[2:]))
            return around, blocking.enter_context(envoy_before(around, environ, running))

        _, gate = await asyncio.to_thread(started)
        (server,) = gate.servers
        transport = httpx.AsyncHTTPTransport(uds=server.console.removeprefix("unix:"))
        # What an ingress does: https outside, and the same host inside.
        console = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://holdgate.example", timeout=20)
        )
        teams = vendor.client("http://holdgate.example/api/messages", console)
        yield Followed(gate, vendor, teams, room, console)


@pytest.mark.timeout(180)
async def test_the_page_leads_from_nothing_to_an_approval_in_teams(tmp_path: Path) -> None:
    async with followed(tmp_path) as there:
        gate, vendor, teams, room = there.gate, there.vendor, there.teams, there.room
        # Step 7: whether Microsoft would reach it.
        words = page.command(7)
        assert words[:4] == ["curl", "-i", "-X", "POST"]
        answer = await there.console.post(words[4].removeprefix("https://holdgate.example"))
        assert answer.status_code == 401
        assert "`401` is right" in page.step(7)
        # Step 5: without a link the bot, once it runs, says how the settings name the channel.
        await teams.say(room, vendor.member("carol"), "here")
        await until(
            lambda: room.id in str([one.activity for one in vendor.messages(room)]), "the room's name"
        )
        # Step 8: a request is held, and its card comes.
        target = fresh("hold")
        held = await asyncio.to_thread(gate.hold, target)
        await until(lambda: bool(cards_of(vendor, room, held.id)), "the card")
        (card,) = cards_of(vendor, room, held.id)
        # Approve, by whom step 6 put into the directory.
        pressed = await teams.press(card, vendor.member("bob"), "approve")
        assert pressed.json()["value"]["body"][0]["items"][0]["inlines"][0]["text"] == (
            "Your approval was recorded."
        )
        await until(lambda: "Action.Execute" not in str(card.card), "the card without buttons")
        assert "Approved" in card.card["fallbackText"]
        assert gate.record(held.id)[b"state"] == b"approved"
        assert gate.events(held.id)[:3] == ["ticket.created", "vote.recorded", "ticket.approved"]
        again = await asyncio.to_thread(gate.send, target, held.ticket, method="DELETE")
        assert again.status == 200
        assert gate.hits(target) == 1


@pytest.mark.timeout(180)
async def test_the_commands_of_the_page_decide_too_where_the_bot_hears_of_its_installation(
    tmp_path: Path,
) -> None:
    async with followed(tmp_path, installed=False) as there:
        gate, vendor, teams, room = there.gate, there.vendor, there.teams, there.room
        bob = vendor.member("bob")
        chat = vendor.personal(bob)
        for place, by in ((room, vendor.member("carol")), (chat, bob)):
            assert {one.status_code for one in await teams.install(place, by)} == {200}
        held = await asyncio.to_thread(gate.hold, fresh("hold"))
        await until(lambda: bool(cards_of(vendor, room, held.id)), "the card")
        (card,) = cards_of(vendor, room, held.id)
        await teams.say(room, bob, "approvals")
        await until(
            lambda: short_code(held.id) in str([one.card for one in vendor.messages(chat)]), "the list"
        )
        await teams.say(chat, bob, f"reject {short_code(held.id)} not on a Friday")
        await until(lambda: "Action.Execute" not in str(card.card), "the card without buttons")
        assert "not on a Friday" in str(card.card)
        assert gate.record(held.id)[b"state"] == b"rejected"


def cards_of(vendor: BotFramework, room: Room, ticket_id: str) -> list[Message]:
    return [
        message
        for message in vendor.messages(room)
        if message.activity.get("attachments") and short_code(ticket_id) in str(message.card)
    ]
