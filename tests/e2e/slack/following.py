"""Follows docs/slack.md before a Slack that is a double, up to the moment when somebody sends a request.

The ids that the page has are those of that double, so that nothing has to be put in their place. What the page can
not know are the secrets, and where the double is.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from authz.domain.token import short_code
from tests.e2e.slack import page
from tests.support.gate import Gate, Held, envoy_before, servers
from tests.support.gate_backing import Backing, backing, fresh
from tests.support.gate_opa import ROOT, TEST_POLICY
from tests.support.gate_server import GateServer
from tests.support.slack_people import send
from tests.support.slack_server import SlackServer, serving
from tests.support.slack_state import APP_TOKEN, BOT_TOKEN, CHANNEL, SIGNING_SECRET, Document, Message

SOCKET, HTTP = "socket", "http"


@dataclass(frozen=True, slots=True)
class Followed:
    """What there is once the page was followed."""

    gate: Gate
    slack: SlackServer
    server: GateServer
    console: httpx.AsyncClient
    mode: str

    async def does(self, payload: Document) -> Document:
        """Let somebody do something in Slack; return what Slack was answered at once."""
        if self.mode == SOCKET:
            return await self.slack.deliver(_envelope(payload), payload)
        answer = await send(self.console, page_address(), payload, time.time())
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else {}

    async def hold(self) -> tuple[Held, Message]:
        """Send a request that the policy holds, and return its ticket and card."""
        before = len(self.slack.cards())
        held = await asyncio.to_thread(self.gate.hold, fresh("hold"))
        await self.slack.until(lambda: len(self.slack.cards()) > before)
        card = self.slack.cards()[-1]
        assert short_code(held.id) in card.text
        return held, card


def _envelope(payload: Document) -> str:
    return "slash_commands" if "command" in payload else "interactive"


def page_address() -> str:
    """Return where the page and its manifest tell Slack to call."""
    described = page.http_manifest()
    (typed,) = described["features"]["slash_commands"]
    assert typed["url"] == described["settings"]["interactivity"]["request_url"]
    words = shlex.split(page.block("sh http"))
    assert words[-1] == typed["url"]
    return str(typed["url"])


def scopes(described: dict[str, Any]) -> set[str]:
    return set(described["oauth_config"]["scopes"]["bot"])


def invite(slack: SlackServer) -> None:
    """Do step 3: write in the channel what the page says."""
    assert page.block("text", page.step(3)).strip() == "/invite @Holdgate"
    slack.joined.add(CHANNEL)


def settings_file(slack: SlackServer, folder: Path, mode: str) -> Path:
    """Write the settings of the page down, with what it can't know."""
    described = page.settings()
    if mode == HTTP:
        described["channels"]["prod-approvals"] = page.http_channel()
    channel = described["channels"]["prod-approvals"]
    secrets = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "signing_secret": SIGNING_SECRET}
    channel |= {name: secret for name, secret in secrets.items() if name in channel}
    channel["api_url"] = f"{slack.url}/api/"
    path = folder / "holdgate.yaml"
    path.write_text(yaml.safe_dump(described))
    return path


def policy_of(people: dict[str, Any], folder: Path) -> str:
    """Return a folder with a policy that holds, whose directory has the people of the page beside the others."""
    shutil.copytree(ROOT / TEST_POLICY, folder)
    data = json.loads((folder / "data.json").read_text())
    data["directory"]["people"] |= people
    (folder / "data.json").write_text(json.dumps(data))
    return str(folder)


@asynccontextmanager
async def followed(
    tmp_path: Path,
    mode: str,
    people: Mapping[str, object] | None = None,
    route: object = None,
    *,
    invited: bool = True,
) -> AsyncIterator[Followed]:
    """Follow the page; `people` and `route` are what somebody changes afterwards. Step 3 is done if `invited`."""
    async with AsyncExitStack() as stack:
        described = page.manifest() if mode == SOCKET else page.http_manifest()
        slack = await stack.enter_async_context(serving(SlackServer(scopes=scopes(described), joined=set())))
        if invited:
            invite(slack)
        blocking = ExitStack()
        stack.push_async_callback(asyncio.to_thread, blocking.close)
        config = settings_file(slack, tmp_path, mode)
        folder = tmp_path / "gate"
        folder.mkdir()
        policy = policy_of({**page.directory(), **(people or {})}, tmp_path / "policy")
        assert page.command(7)[:2] == ["holdgate", "serve"]
        (part,) = page.command(7)[2:]

        def started() -> tuple[Backing, Gate]:
            around = blocking.enter_context(backing(folder, policy))
            environ = around.environ() | {"HOLDGATE_CONFIG": str(config)}
            for name in ("HOLDGATE_CHANNELS", "HOLDGATE_ROUTES"):
                del environ[name]
            if route is not None:
                environ["HOLDGATE_ROUTES"] = json.dumps({"default": route})
            running = blocking.enter_context(servers(around, environ, [part]))
            return around, blocking.enter_context(envoy_before(around, environ, running))

        _, gate = await asyncio.to_thread(started)
        (server,) = gate.servers
        transport = httpx.AsyncHTTPTransport(uds=server.console.removeprefix("unix:"))
        # What an ingress does: https outside, and the same host inside.
        console = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://holdgate.example", timeout=20)
        )
        if mode == SOCKET:
            await slack.until(lambda: len(slack.sockets) == 1)
        yield Followed(gate, slack, server, _plain(console), mode)


def _plain(console: httpx.AsyncClient) -> httpx.AsyncClient:
    """Let the client call the page's https address as the ingress passes it on."""

    async def passed_on(request: httpx.Request) -> None:
        request.url = request.url.copy_with(scheme="http")

    console.event_hooks["request"].append(passed_on)
    return console
