"""The function for JavaScript of docs/client.md in a real browser, on a page of another origin than the gate's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.client_docs.clients import ANSWER, Clients
from tests.e2e.client_docs.page import shown
from tests.e2e.envoy_config.http1 import Recorder, recording
from tests.support.gate import Gate, envoy_before

# The first test starts the gates.
pytestmark = [pytest.mark.chromium, pytest.mark.timeout(180)]

ASK = """
async ([url, token, code]) => {
    const { approved } = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const states = [];
    const options = { method: "DELETE", headers: { authorization: `Bearer ${token}` } };
    const answer = await approved(url, options, { onHold: (hold) => states.push(Object.keys(hold).sort()) });
    return { status: answer.status, text: await answer.text(), states };
}
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Recorder]:
    """Serves the page from which the gate is used."""
    with recording() as made:
        made.answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\npage"
        yield made


@pytest.fixture(scope="module")
def shared_open_gates(site: Recorder, shared_gate: Gate, shared_hurried_gate: Gate) -> Iterator[list[Gate]]:
    """The gate that waits and the one that doesn't, each open for the page's origin."""
    with ExitStack() as stack:
        origin = {"HOLDGATE_ENVOY_CORS_ORIGINS": f"http://127.0.0.1:{site.port}"}
        yield [
            stack.enter_context(envoy_before(made.backing, {**made.environ, **origin}, made.servers))
            for made in (shared_gate, shared_hurried_gate)
        ]


@pytest.mark.parametrize("waiting", [True, False])
def test_a_page_waits_for_the_vote_and_gets_the_answer(
    waiting: bool, gate: Gate, shared_open_gates: list[Gate], site: Recorder, tmp_path: Path
) -> None:
    before = shared_open_gates[0 if waiting else 1]
    assert gate.backing is before.backing
    binary = shutil.which("chromium")
    assert binary is not None
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        clients = Clients(before, tmp_path, stack)
        resource = clients.held()
        voted = pool.submit(lambda: before.vote(clients.ticket()))
        with (
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"]) as browser,
        ):
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{site.port}")
            url = f"{clients.address}/resources/{resource}"
            given = [url, before.backing.token("alice"), shown("js approved.mjs")]
            found = page.evaluate(ASK, given)
        voted.result()
        assert (found["status"], found["text"]) == (200, ANSWER)
        assert bool(found["states"]) is not waiting
        assert not any("token" in members for members in found["states"])
        assert clients.hits(resource) == 1
