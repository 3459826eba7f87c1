"""Holdgate before npm's @microsoft/m365agentsplayground, which looks like Teams and runs offline: `make playground`.

A request is held, its card is shown, Approve is clicked in Chromium, and the vote is recorded. Screenshots go to
.tools/playground/. That client's licence is for evaluation, so this is an optional check and no test.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from playwright.async_api import Page, async_playwright

from authz.domain.token import short_code
from tests.support.gate import Gate, Held, envoy_before
from tests.support.gate_backing import backing, fresh
from tests.support.gate_opa import ROOT, TEST_POLICY
from tests.support.gate_server import SHIPPED, GateServer
from tests.support.ports import free_port
from tests.support.waiting import until
from tools.console import SetupError, run, say

PACKAGE: Final = "@microsoft/m365agentsplayground"
VERSION: Final = "0.2.28"
FOLDER: Final = ROOT / ".tools" / "playground"
CLIENT: Final = FOLDER / "package" / "cli.js"
SHA512: Final = "EevhYW8xtEATwNg5eiFqTgZT0P5gjfCsLBwBWESSrB6+0lr9Yi9R27HJwjNGUlT3JQlxoWMgnvEQunUuyI/+2Q=="
"""As npm calls its integrity."""

FLAGS: Final = ("--no-sandbox", "--disable-gpu")
ROOM: Final = "19:playground@thread.tacv2"
TENANT: Final = "00000000-0000-0000-0000-0000000000e1"
APP: Final = "00000000-0000-0000-0000-0000000000a1"
BOB: Final = "00000000-0000-0000-0000-0000000000b0"
PATIENCE_S: Final = 60.0

OTHERS: Final = ("alice", "carol", "dave", "erin", "frank")
"""The client wants five, and not one more or less."""


def member(name: str, object_id: str) -> dict[str, str]:
    """Return somebody as the client's settings describe them."""
    mail = f"{name}@example.com"
    return {
        "id": f"user-{name}",
        "name": name.capitalize(),
        "userPrincipleName": mail,
        "aadObjectId": object_id,
        "givenName": name.capitalize(),
        "surname": "",
        "email": mail,
    }


def client_settings() -> dict[str, Any]:
    """Return a tenant in which bob looks at a team with one channel."""
    return {
        "version": "0.1.1",
        "tenantId": TENANT,
        "bot": {"id": APP, "name": "Holdgate"},
        "currentUser": member("bob", BOB),
        "users": [
            member(name, f"00000000-0000-0000-0000-00000000000{number}") for number, name in enumerate(OTHERS)
        ],
        "personalChat": {"id": "personal-bob"},
        "groupChat": {"id": "group-chat", "name": "Group Chat"},
        "team": {
            "id": "19:team@thread.tacv2",
            "name": "Platform",
            "aadGroupId": "00000000-0000-0000-0000-000000000031",
            "channels": [{"id": ROOM, "name": "Approvals"}],
        },
    }


class ConsoleOnAPort(GateServer):
    """`holdgate serve all` whose console is on a port: the client speaks to nothing else."""

    port = 0

    def start(self) -> None:
        """See GateServer."""
        self._environ["HOLDGATE_CONSOLE_LISTEN"] = f"127.0.0.1:{self.port}"
        super().start()


@dataclass(frozen=True, slots=True)
class Trial:
    """A gate whose approvals go to the client, and where that is."""

    gate: Gate
    url: str


def prepare() -> None:
    """Fetch the client into .tools. Raises SetupError without npm, and for a package that is another one."""
    if CLIENT.exists():
        return
    if shutil.which("npm") is None:
        raise SetupError("The client is an npm package, and there is no npm on PATH: install Node.js.")
    say("npm", f"fetching {PACKAGE} {VERSION}, whose licence is for evaluation")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        # Packing runs no script of the package, and it has no dependencies.
        run("npm", ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=Path(folder))
        (packed,) = Path(folder).glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode("ascii")
        if not hmac.compare_digest(found, SHA512):
            raise SetupError(f"{PACKAGE} {VERSION} has the digest sha512-{found}, and not the pinned one.")
        with tarfile.open(packed) as archive:
            archive.extractall(FOLDER, filter="data")


@contextmanager
def trial(folder: Path) -> Iterator[Trial]:
    """Run everything until the block ends."""
    with ExitStack() as stack:
        client, console = free_port(), free_port()
        policy = folder / "policy"
        shutil.copytree(ROOT / TEST_POLICY, policy)
        data = json.loads((policy / "data.json").read_text())
        data["directory"]["people"]["bob"]["identities"].append({"ns": TENANT, "id": BOB})
        (policy / "data.json").write_text(json.dumps(data))
        files = folder / "gate"
        files.mkdir()
        around = stack.enter_context(backing(files, str(policy)))
        channel = {
            "kind": "teams-bot",
            "app_id": APP,
            "tenant_id": TENANT,
            "post_to": [ROOM],
            "service_url": f"http://localhost:{client}/_connector",
            "playground": True,
        }
        environ = around.environ() | {
            "HOLDGATE_PUBLIC_URL": f"http://127.0.0.1:{console}",
            "HOLDGATE_CHANNELS": json.dumps({"room": channel}),
        }
        ConsoleOnAPort.port = console
        server = ConsoleOnAPort("trial", environ, around.sockets, files, part="all", module=SHIPPED)
        stack.callback(server.stop)
        server.await_ready()
        stack.enter_context(client_running(folder, client, console))
        gate = stack.enter_context(envoy_before(around, environ, (server,)))
        yield Trial(gate, f"http://localhost:{client}")


@contextmanager
def client_running(folder: Path, port: int, console: int) -> Iterator[None]:
    """Run the client before the console until the block ends."""
    (folder / ".m365agentsplayground.yml").write_text(yaml.safe_dump(client_settings()))
    command = ["node", str(CLIENT), "-e", f"http://127.0.0.1:{console}/api/messages", "-c", "msteams"]
    command += [
        "-p",
        str(port),
        "--service-url",
        f"http://localhost:{port}/_connector",
        "--disable-telemetry",
    ]
    environ = {**os.environ, "TEAMSAPPTESTER_BROWSER": "none"}
    with (folder / "client.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        until("the client listens", lambda: process.poll() is not None or listens(port), PATIENCE_S)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listens(port: int) -> bool:
    """Say whether somebody takes connections there."""
    with suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
        return True
    return False


async def shown(page: Page, held: Held) -> None:
    """Wait until the card of a ticket is there."""
    await page.get_by_text(f"Approval needed · {short_code(held.id)}").wait_for()


async def visit(there: Trial) -> None:
    """Look at the channel as bob: approve one request, and reject another one with a reason."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SetupError("The client is looked at in Chromium, and there is none on PATH: install chromium.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = await browser.new_page(viewport={"width": 1400, "height": 1100})
        page.set_default_timeout(PATIENCE_S * 1000)
        await page.goto(there.url)
        await page.get_by_text("Approvals", exact=True).first.click()

        first = await asyncio.to_thread(there.gate.hold, fresh("hold"))
        await shown(page, first)
        say("card", f"{short_code(first.id)} is shown")
        await picture(page, "1-shown")
        await page.get_by_role("button", name="Approve", exact=True).click()
        await recorded(there, first, b"approved")
        await page.get_by_text(f"Approved · {short_code(first.id)}", exact=True).wait_for()
        await page.get_by_role("button", name="Approve", exact=True).wait_for(state="detached")
        say("approve", f"{short_code(first.id)} is approved, and its card has no buttons any more")
        await picture(page, "2-approved")

        second = await asyncio.to_thread(there.gate.hold, fresh("hold"))
        await shown(page, second)
        await page.get_by_role("button", name="Reject…", exact=True).click()
        await page.get_by_role("textbox", name="Why?").fill("not on a Friday")
        await picture(page, "3-rejecting")
        await page.get_by_role("button", name="Reject it", exact=True).click()
        await recorded(there, second, b"rejected")
        await page.get_by_text("not on a Friday").first.wait_for()
        say("reject", f"{short_code(second.id)} is rejected, and its card says why")
        await picture(page, "4-rejected")
        await browser.close()


async def recorded(there: Trial, held: Held, state: bytes) -> None:
    """Wait until the ticket is in this state."""
    name = f"{short_code(held.id)} is {state.decode()}"
    await asyncio.to_thread(until, name, lambda: there.gate.record(held.id)[b"state"] == state, PATIENCE_S)


async def picture(page: Page, name: str) -> None:
    """Keep what is to be seen."""
    await page.screenshot(path=FOLDER / f"{name}.png")


def main() -> int:
    """Fetch, run, look; return the exit code."""
    try:
        prepare()
        with tempfile.TemporaryDirectory(prefix="playground-") as folder, trial(Path(folder)) as there:
            asyncio.run(visit(there))
    except SetupError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command
        return 2
    say("done", f"pictures are in {FOLDER.relative_to(ROOT)}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
