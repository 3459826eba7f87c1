"""What `make run` offers to see: the card as Teams would draw it, and the page that its button opens."""

from __future__ import annotations

import re
import shutil

import httpx
import pytest
from playwright.async_api import async_playwright

from tests.e2e.console.conftest import FLAGS
from tests.e2e.demo.running import Place, RunningDemo

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(150)]

DEPLOYMENT = {"service": "billing", "version": "2.0.0", "environment": "production"}


async def test_a_deployment_is_approved_from_its_card(serving: tuple[Place, RunningDemo]) -> None:
    place, demo = serving
    room = re.search(r"(http://\S+)/cards/", demo.output.read_text())
    assert room
    token = place.holdgate("demo", "token", "alice").stdout.strip()
    headers = {"authorization": f"Bearer {token}"}
    gate = f"http://127.0.0.1:{place.ports.envoy}/deployments"
    async with httpx.AsyncClient(trust_env=False, headers=headers) as alice, async_playwright() as playwright:
        held = (await alice.post(gate, json=DEPLOYMENT)).json()
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(place.holdgate("demo", "sign-in").stdout.strip())
        await page.get_by_role("button", name="Carol").click()
        await page.get_by_text("Signed in as Carol").wait_for()

        await page.goto(f"{room.group(1)}/cards/{held['id']}")
        await page.get_by_text("Approval needed").wait_for()
        await page.get_by_text('"version": "2.0.0"').wait_for()
        async with context.expect_page() as opening:
            await page.get_by_role("link", name="Review and decide").click()
        beside = await opening.value
        assert beside.url == f"http://127.0.0.1:{place.ports.console}/tickets/{held['id']}"
        await beside.get_by_role("button", name="Approve this request").click()
        await beside.get_by_text("Approved by").wait_for()

        # The room's page is still open, and takes in what came after.
        await page.get_by_text("Nothing has run yet.").wait_for()
        assert await page.get_by_role("article").count() == 2
        await browser.close()
        token = held["token"]
        assert (
            await alice.post(gate, json=DEPLOYMENT, headers={"x-approval-ticket": token})
        ).status_code == 201
