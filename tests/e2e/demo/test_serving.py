from __future__ import annotations

import json
import re
import stat
import time

import httpx
import pytest

from authz.entrypoints.demo.signing import SigningKey
from tests.e2e.demo.running import PATIENCE, Place, RunningDemo

pytestmark = pytest.mark.timeout(150)


def test_only_a_token_of_this_run_opens_the_gate(serving: tuple[Place, RunningDemo]) -> None:
    place, _ = serving
    token = place.holdgate("demo", "token", "alice")
    assert token.returncode == 0, token.stderr
    assert get_resources(place, token.stdout.strip()).status_code == 200
    assert get_resources(place, SigningKey.new().token("alice", "Alice")).status_code == 401


def test_the_last_words_say_what_to_try(serving: tuple[Place, RunningDemo]) -> None:
    place, demo = serving
    words = demo.output.read_text().partition("Everything goes on running.")[2]
    assert f"GATE=http://127.0.0.1:{place.ports.envoy}\n" in words
    for command in (
        "demo token alice",
        "demo sign-in",
        "tickets list --as carol",
        "tickets approve ID --as carol",
    ):
        assert re.search(rf"RUN_DIR={place.run.root} \S*holdgate {command}", words)
    assert f"http://127.0.0.1:{place.ports.console}/demo/sign-in?secret=" in words
    assert str(place.policies / "demo") in words


def test_the_room_draws_the_cards_of_the_walk(serving: tuple[Place, RunningDemo]) -> None:
    _, demo = serving
    said = demo.output.read_text()
    [address] = re.findall(r"As Teams would draw it: (\S+)", said)
    room = address.partition("cards/")[0]
    assert f"\n    {room}\n" in said.partition("Everything goes on running.")[2]
    deadline = time.monotonic() + PATIENCE
    while (drawn := httpx.get(address, trust_env=False)).text.count("<article") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "Approval needed" in drawn.text
    assert "Approved" in drawn.text
    assert f'href="{demo_ticket(said)}"' in drawn.text
    assert drawn.text.count("<article") < httpx.get(room, trust_env=False).text.count("<article")


def demo_ticket(said: str) -> str:
    """Return the page of the walk's first ticket, as the walk named it."""
    found = re.search(r"opens (http://\S+/tickets/\S+)", said)
    assert found
    return found.group(1)


def test_an_unknown_person_gets_no_token(serving: tuple[Place, RunningDemo]) -> None:
    place, _ = serving
    refused = place.holdgate("demo", "token", "mallory")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "nobody called 'mallory'; there are alice, bob, carol, dave" in refused.stderr


def test_a_fresh_sign_in_address_works_once(serving: tuple[Place, RunningDemo]) -> None:
    place, _ = serving
    address = place.holdgate("demo", "sign-in").stdout.strip()
    with httpx.Client(
        trust_env=False, headers={"origin": f"http://127.0.0.1:{place.ports.console}"}
    ) as browser:
        assert "Who are you in this demo?" in browser.get(address).text
        form = {"secret": address.partition("secret=")[2], "person": "bob"}
        assert browser.post(address.partition("?")[0], data=form).status_code == 303
        assert browser.post(address.partition("?")[0], data=form).status_code == 403


def test_a_second_demo_in_the_same_directory_is_refused(serving: tuple[Place, RunningDemo]) -> None:
    place, demo = serving
    second = place.holdgate("demo", "--once")
    assert second.returncode == 2
    assert f"a demo runs in {place.run.root} already" in second.stderr
    for variable, port in place.ports.named().items():
        assert f"port {port} of 127.0.0.1 is taken; set {variable} to another" in second.stderr
    assert demo.process.poll() is None


def test_what_is_secret_is_readable_by_nobody_else(serving: tuple[Place, RunningDemo]) -> None:
    place, _ = serving
    assert stat.S_IMODE(place.run.root.stat().st_mode) == 0o700
    for path in (place.run.signing_key, place.run.context, place.run.envoy_config):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert '"d"' not in place.run.envoy_config.read_text()


def test_an_edit_of_the_policy_is_in_force_at_once(serving: tuple[Place, RunningDemo]) -> None:
    place, _ = serving
    token = place.holdgate("demo", "token", "dave").stdout.strip()
    assert get_resources(place, token).status_code == 200
    rules = place.policies / "demo" / "edited.rego"
    rules.write_text('package envoy.authz\n\ndeny contains "closed today" if caller.id == "dave"\n')
    deadline = time.monotonic() + PATIENCE
    while (answer := get_resources(place, token)).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert answer.status_code == 403
    assert json.loads(answer.text)["detail"] == "closed today"
    rules.unlink()


def test_the_logs_of_a_run_tell_decisions_and_no_secret(serving: tuple[Place, RunningDemo]) -> None:
    """OPA's decision log is on, behind its mask; nothing else that runs writes what a request holds."""
    place, _ = serving
    token = place.holdgate("demo", "token", "alice").stdout.strip()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{place.ports.envoy}",
        headers={"authorization": f"Bearer {token}", "cookie": "session=of-the-cookie-a1"},
        params={"key": "of-the-query-b2"},
        trust_env=False,
    ) as alice:
        # To staging, where the rule shows nobody anything of the body.
        deployment = {"service": "of-the-body-c3", "version": "1.0.0", "environment": "staging"}
        assert alice.post("/deployments", json=deployment).status_code == 201
        held = alice.delete("/resources/db-orders").json()
    assert place.holdgate("tickets", "approve", held["id"], "--as", "bob", "--yes").returncode == 0
    deadline = time.monotonic() + PATIENCE
    while not all(
        any(path in entry for entry in opa_decisions(place)) for path in ("/deployments", "/db-orders")
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    logs = {path.name: path.read_text() for path in place.run.logs.iterdir()}
    assert {"envoy.log", "holdgate.log", "opa.log", "redis.log", "upstream.log"} <= logs.keys()
    assert held["id"] in logs["holdgate.log"]
    assert "'POST /deployments': 201" in logs["upstream.log"]
    secrets = (token, held["token"], "of-the-cookie-a1", "of-the-query-b2", "of-the-body-c3")
    assert [(name, secret) for name, text in logs.items() for secret in secrets if secret in text] == []


def opa_decisions(place: Place) -> list[str]:
    """Return the lines of OPA's decision log."""
    return [line for line in (place.run.logs / "opa.log").read_text().splitlines() if "Decision Log" in line]


def get_resources(place: Place, token: str) -> httpx.Response:
    return httpx.get(
        f"http://127.0.0.1:{place.ports.envoy}/resources",
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
    )
