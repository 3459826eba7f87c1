from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from authz.adapters.opa.client import OpaClient
from authz.adapters.opa.directory import ACCOUNTS_MAX, OpaDirectory
from authz.adapters.opa.policy_engine import OpaPolicyEngine
from authz.domain.errors import PolicyMalformed
from authz.domain.identity import Identity, Person
from authz.services.ports import PolicyReply
from tests.unit.opa.tiny_server import json_answer, tiny_server


def client(url: str) -> OpaClient:
    return OpaClient(url, connections=4, max_answer_bytes=2048)


async def test_an_undefined_decision_says_what_to_define() -> None:
    """Nothing said yes, and nothing said no."""
    async with tiny_server(json_answer(b"{}")) as server, client(server.url) as opa:
        with pytest.raises(PolicyMalformed, match=r"data\.envoy\.authz\.allow is undefined; define it"):
            await OpaPolicyEngine(opa, "envoy/authz/allow").decide({}, 5)


async def test_a_decision_is_passed_on_with_its_id() -> None:
    """Reading it is somebody else's."""
    async with (
        tiny_server(json_answer(b'{"result": true, "decision_id": "d-1"}')) as server,
        client(server.url) as opa,
    ):
        assert await OpaPolicyEngine(opa, "x").decide({}, 5) == PolicyReply(result=True, decision_id="d-1")


BOB = Person("bob", "Bob", frozenset({"sre"}), "opa")
ACCOUNT = {"ns": "team-1", "id": "U1"}
OTHER = {"ns": "tenant-1", "id": "o1", "since": "2024"}
NO_ACCOUNTS: list[object] = [
    *(None, "U1", ACCOUNT, ["U1"], [[]], [{}], [{"ns": "team-1"}], [{"id": "U1"}]),
    *([{**ACCOUNT, "id": wrong}] for wrong in ("", None, 7, "x" * 513)),
    *([ACCOUNT, {**ACCOUNT, "ns": wrong}] for wrong in ("", None, 7, "x" * 513)),
    [{"ns": "team-1", "id": f"U{number}"} for number in range(ACCOUNTS_MAX + 1)],
]


@pytest.mark.parametrize(
    ("answer", "person"),
    [
        ({}, None),
        ({"result": {"id": "bob", "name": "Bob", "groups": ["sre", "sre"], "more": 1}}, BOB),
        ({"result": {"id": "x", "name": "", "groups": []}}, Person("x", "", frozenset(), "opa")),
        ({"result": {"id": "bob", "name": "Bob", "groups": ["sre"], "linked": True}}, BOB),
        (
            {"result": {"id": "bob", "name": "Bob", "groups": ["sre"], "linked": False}},
            replace(BOB, linked=False),
        ),
        (
            {
                "result": {
                    "id": "bob",
                    "name": "Bob",
                    "groups": ["sre"],
                    "accounts": [ACCOUNT, ACCOUNT, OTHER],
                }
            },
            replace(BOB, accounts=(Identity("team-1", "U1"), Identity("tenant-1", "o1"))),
        ),
        ({"result": {"id": "bob", "name": "Bob", "groups": ["sre"], "accounts": []}}, BOB),
    ],
)
async def test_the_directory_knows_a_person_or_nobody(answer: object, person: Person | None) -> None:
    """An undefined rule is a stranger."""
    async with tiny_server(json_answer(json.dumps(answer).encode())) as server, client(server.url) as opa:
        assert await OpaDirectory(opa, "dir").person(Identity("i", "b"), 5) == person
        assert json.loads(server.requests[0][1]) == {"input": {"ns": "i", "id": "b"}}


@pytest.mark.parametrize(
    "result",
    [
        *(None, True, "bob", [], {}),
        {"id": "", "name": "x", "groups": []},
        {"id": 7, "name": "x", "groups": []},
        {"id": "b", "name": None, "groups": []},
        {"id": "b", "name": "x"},
        {"id": "b", "name": "x", "groups": "sre"},
        {"id": "b", "name": "x", "groups": [7]},
        {"id": "b", "name": "x", "groups": {"sre": True}},
        {"id": "b", "name": "x", "groups": [], "linked": None},
        {"id": "b", "name": "x", "groups": [], "linked": "no"},
        {"id": "b", "name": "x", "groups": [], "linked": 0},
        *({"id": "b", "name": "x", "groups": [], "accounts": accounts} for accounts in NO_ACCOUNTS),
    ],
)
async def test_what_is_no_person_is_an_error(result: Any) -> None:  # noqa: ANN401 - any JSON
    """Half a person would be nobody, and nobody's vote could be anybody's."""
    body = json.dumps({"result": result}).encode()
    async with tiny_server(json_answer(body)) as server, client(server.url) as opa:
        with pytest.raises(PolicyMalformed, match="directory: dir answered something else"):
            await OpaDirectory(opa, "dir").person(Identity("i", "b"), 5)
