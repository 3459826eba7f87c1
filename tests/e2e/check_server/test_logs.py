"""Requests full of secrets through a whole gate: none of them is in any log of Holdgate's."""

from __future__ import annotations

import base64
from secrets import token_hex

import pytest

from tests.support import gate_unredacted
from tests.support.gate import TICKET, running_gate
from tests.support.gate_backing import Backing, fresh
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)


def test_no_secret_of_a_request_is_in_a_log(around: Backing) -> None:
    secrets: dict[str, str] = {}

    def secret(name: str) -> str:
        return secrets.setdefault(name, f"s3cret{token_hex(12)}")

    basic = base64.b64encode(f"alice:{secret('password')}".encode()).decode()
    headers = (
        ("cookie", f"session={secret('cookie')}".encode()),
        ("proxy-authorization", f"Basic {basic}".encode()),
        ("x-api-key", secret("api key").encode()),
        ("x-custom", f"Bearer {secret('bearer')}".encode()),
        ("referer", f"https://alice:{secret('referer')}@up.test/?token={secret('referer token')}".encode()),
        ("content-type", b"application/json"),
    )
    body = f'{{"password": "{secret("body")}", "note": "{secret("plain body")}"}}'.encode()
    query = f"access_token={secret('query token')}&q={secret('plain query')}"
    with running_gate(around, parts=("all", "check"), log_level="debug") as gate:
        path = fresh("hold")
        held = gate.hold(f"{path}?{query}", *headers, method="POST", body=body)
        gate.await_delivery()
        gate.vote(held.id)
        assert gate.send(f"{path}?{query}", *headers, held.ticket, method="POST", body=body).status == 200
        assert gate.send(f"{path}?{query}", *headers, held.ticket, method="POST", body=body).status == 403
        assert gate.send(f"{path}?x=1", *headers, held.ticket, method="POST", body=body).status == 409
        tried = held.token[:-4] + "AAAA"
        assert gate.send(path, *headers, (TICKET, tried.encode())).status == 403
        in_path = f"{fresh('open')}/{held.token}/{gate.backing.token('alice')}"
        assert gate.send(in_path, *headers).status in {200, 403, 503}
        assert gate.send(f"/closed/a;token={secret('matrix')}", *headers).status in {403, 503}
        logs = [server.log for server in gate.servers]
        until(
            "every check is told", lambda: sum(log.read_text().count('"event": "check"') for log in logs) >= 7
        )
        text = "".join(log.read_text() for log in logs)

    secrets |= {
        "ticket token": held.token,
        "token's MAC": held.token.rpartition(".")[2],
        "forged token": tried,
        "bearer token": gate.backing.token("alice"),
        "Basic credentials": basic,
        "ticket key": around.ticket_key,
        "webhook's signature": around.room.webhook.partition("sig=")[2].partition("&")[0],
    }
    found = sorted(name for name, value in secrets.items() if value and value in text)
    assert found == []
    assert held.id in text, "the ticket's id is no secret, and is told"
    assert path in text


def test_control_without_redaction_a_ticket_in_a_path_is_in_the_log(around: Backing) -> None:
    with running_gate(around, parts=("check",), module=gate_unredacted.__name__) as gate:
        token = gate.hold(fresh("hold")).token
        gate.send(f"{fresh('open')}/{token}")
        until("the ticket is told", lambda: token in gate.servers[0].log.read_text())
