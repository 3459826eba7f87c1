"""`holdgate tickets` as a person types it, against a demo with real Envoy, OPA and Redis."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import httpx
import pytest
from google.protobuf.json_format import Parse

from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.e2e.demo.running import HOLDGATE, ROOT, SERVING, Place, a_place

pytestmark = pytest.mark.timeout(150)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with a_place() as made, made.demo() as demo:
        demo.until_said(SERVING)
        yield made


def _deploy(place: Place, version: str, ticket: str = "") -> httpx.Response:
    """Send alice's deployment to production through Envoy."""
    token = place.holdgate("demo", "token", "alice").stdout.strip()
    headers = {"authorization": f"Bearer {token}"} | ({"x-approval-ticket": ticket} if ticket else {})
    return httpx.post(
        f"http://127.0.0.1:{place.ports.envoy}/deployments",
        json={"service": "orders", "version": version, "environment": "production"},
        headers=headers,
        trust_env=False,
        timeout=20,
    )


def _shown(place: Place, ticket_id: str) -> wire.Ticket:
    done = place.holdgate("tickets", "show", "--as", "carol", "--json", ticket_id)
    assert done.returncode == 0, done.stderr
    return Parse(done.stdout, wire.Ticket())


def test_a_held_deployment_is_found_looked_at_approved_and_goes_through(place: Place) -> None:
    held = _deploy(place, "7.0.1").json()
    listed = place.holdgate("tickets", "list", "--as", "carol")
    assert listed.returncode == 0, listed.stderr
    [line] = [line for line in listed.stdout.splitlines() if held["id"] in line]
    assert "deploy-production" in line
    assert "Alice" in line
    shown = place.holdgate("tickets", "show", "--as", "carol", held["id"]).stdout
    assert "POST " in shown
    assert '"version":"7.0.1"' in shown.replace(" ", "")
    digest = _shown(place, held["id"]).digest
    approved = place.holdgate("tickets", "approve", "--as", "carol", "--digest", digest[:16], held["id"])
    assert (approved.returncode, approved.stdout) == (0, f"{held['id']}: approved, 1 of 1\n")
    passed = _deploy(place, "7.0.1", held["token"])
    assert passed.status_code == 201
    assert passed.json()["deployed"]["version"] == "7.0.1"
    assert _shown(place, held["id"]).state == wire.STATE_USED_UP


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("alice", 1, "holdgate: You asked for this yourself, so somebody else has to decide."),
        ("dave", 1, "holdgate: The operator's rule doesn't let you look at this."),
        ("mallory", 2, "holdgate: the demo knows nobody called 'mallory'; there are alice, bob, carol, dave"),
    ],
)
def test_who_may_not_decide_is_refused_by_the_real_directory(
    place: Place, name: str, code: int, sentence: str
) -> None:
    held = _deploy(place, f"7.1.{name}").json()
    refused = place.holdgate("tickets", "approve", "--as", name, "--yes", held["id"])
    assert (refused.returncode, refused.stdout) == (code, "")
    assert refused.stderr.splitlines()[-1] == sentence
    assert _shown(place, held["id"]).state == wire.STATE_PENDING


def test_a_rejection_reaches_the_requester_with_its_reason(place: Place) -> None:
    held = _deploy(place, "7.2.0").json()
    why = "not before the weekend"
    rejected = place.holdgate("tickets", "reject", "--as", "carol", "--yes", "--comment", why, held["id"])
    assert rejected.returncode == 0, rejected.stderr
    answer = _deploy(place, "7.2.0", held["token"])
    assert answer.status_code == 403
    assert answer.json()["comment"] == why


def test_a_watch_tells_the_whole_story_as_it_happens(place: Place) -> None:
    """Somebody watches in another terminal, from before the request until it went through."""
    held = _deploy(place, "7.3.0").json()
    command = [*HOLDGATE, "tickets", "watch", "--as", "carol", "--json", "--after", "0", held["id"]]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=place.environ
    ) as watching:
        assert watching.stdout is not None
        events = (json.loads(line) for line in watching.stdout)
        try:
            assert next(events)["type"] == "ticket.created"
            place.holdgate("tickets", "approve", "--as", "carol", "--yes", held["id"])
            assert [next(events)["type"] for _ in range(2)] == ["vote.recorded", "ticket.approved"]
            assert _deploy(place, "7.3.0", held["token"]).status_code == 201
            assert [next(events)["type"] for _ in range(2)] == ["grant.redeemed", "grant.used_up"]
        finally:
            watching.send_signal(2)
        assert watching.wait(10) == 130


def test_tokens_of_the_gate_and_of_the_management_api_are_no_good_for_each_other(place: Place) -> None:
    """A bearer token that the gate's upstream saw must not approve anything."""
    gate = place.holdgate("demo", "token", "carol").stdout.strip()
    program = (
        "import sys; from authz.entrypoints.cli.tickets.client import ApprovalsClient\n"
        "from authz.entrypoints.cli.tickets.demo_caller import demo_caller\n"
        "import os; caller = demo_caller('carol')\n"
        "token = sys.argv[1] or caller.token()\n"
        "print(token)\n"
        "ApprovalsClient(caller.address, lambda: token).list((), 1)\n"
    )

    def call(token: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [HOLDGATE[0], "-c", program, token],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=place.environ,
            timeout=60,
        )

    own = call("")
    assert own.returncode == 0, own.stderr
    assert call(gate).returncode != 0
    assert "needs a valid bearer token" in call(gate).stderr
    answer = httpx.get(
        f"http://127.0.0.1:{place.ports.envoy}/resources",
        headers={"authorization": f"Bearer {own.stdout.strip()}"},
        trust_env=False,
    )
    assert answer.status_code in {401, 403}


def test_without_a_demo_there_is_nothing_to_talk_to() -> None:
    with a_place() as empty:
        done = empty.holdgate("tickets", "list", "--as", "bob")
        assert done.returncode == 4
        assert done.stderr.startswith(f"holdgate: no demo runs in {empty.run.root};")
        assert len(done.stderr.splitlines()) == 1
        assert not empty.run.root.exists()


def test_what_was_taken_back_does_not_go_through(place: Place) -> None:
    cancelled, revoked = _deploy(place, "7.1.1").json(), _deploy(place, "7.1.2").json()
    done = place.holdgate("tickets", "cancel", "--as", "alice", "--comment", "no more", cancelled["id"])
    assert done.stdout.startswith(f"{cancelled['id']}: cancelled"), done.stderr
    assert place.holdgate("tickets", "approve", "--as", "carol", "--yes", revoked["id"]).returncode == 0
    done = place.holdgate("tickets", "revoke", "--as", "carol", "--comment", "too soon", revoked["id"])
    assert (done.returncode, done.stdout) == (0, f"{revoked['id']}: revoked, 1 of 1\n")
    for version, held in (("7.1.1", cancelled), ("7.1.2", revoked)):
        assert _deploy(place, version, held["token"]).status_code == 403
    assert place.holdgate("tickets", "reviews", "--as", "carol").stderr == "Nothing waits for a review.\n"
