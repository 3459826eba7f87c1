from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from authz.entrypoints.demo.workflows_receiver import MAX_BYTES, WorkflowsReceiver
from tests.support.faulty_receiver import Fault, FaultyReceiver
from tests.support.sample_tickets import ticket
from tests.unit.teams.cards import render

SIGNATURE = "s3cr3t-signature"


def talking_to(receiver: WorkflowsReceiver, host: str = "127.0.0.1:1") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(receiver.app()), base_url=f"http://{host}")


async def post(
    receiver: WorkflowsReceiver, body: object, content_type: str = "application/json", path: str = ""
) -> httpx.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with talking_to(receiver) as client:
        return await client.post(
            path or receiver.path(), content=data, headers={"content-type": content_type}
        )


def changed(**changes: object) -> dict[str, Any]:
    """Return a good message with members of its card replaced, or taken away where None."""
    message = render(ticket())
    card = message["attachments"][0]["content"]
    for name, value in changes.items():
        card[name] = value
        if value is None:
            del card[name]
    return message


async def test_a_good_message_is_accepted_with_an_empty_body_and_kept() -> None:
    receiver = WorkflowsReceiver(SIGNATURE)
    answer = await post(receiver, render(ticket()))
    assert (answer.status_code, answer.content) == (202, b"")
    async with talking_to(receiver) as client:
        listed = (await client.get("/messages")).json()
    assert listed == {"messages": [render(ticket())]}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "why"),
    [
        (render(ticket()), "text/plain", 415, "not application/json"),
        (b"{", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 400, "not an object of type message"),
        ({"type": "event"}, "application/json", 400, "not an object of type message"),
        ({"type": "message"}, "application/json", 400, "not an array of one"),
        ({"type": "message", "attachments": []}, "application/json", 400, "not an array of one"),
        (
            {"type": "message", "attachments": [{"contentType": "text/html"}]},
            "application/json",
            400,
            "contentType",
        ),
        (changed(type="Message"), "application/json", 400, "not an AdaptiveCard"),
        (changed(body=None), "application/json", 400, "no body"),
        (changed(version="1.5"), "application/json", 400, "version"),
        (changed(version=None), "application/json", 400, "version"),
        (b" " * (MAX_BYTES + 1), "application/json", 413, "bytes"),
        (b" " * (10 * MAX_BYTES), "application/json", 413, "bytes"),
    ],
    ids=str,
)
async def test_what_the_vendor_would_not_post_is_refused_and_not_kept(
    body: object, content_type: str, status: int, why: str
) -> None:
    receiver = WorkflowsReceiver(SIGNATURE)
    answer = await post(receiver, body, content_type)
    assert answer.status_code == status
    assert why in answer.text
    assert receiver.messages == []
    assert receiver.received[0].status == status


@pytest.mark.parametrize("query", ["", "?sig=", "?sig=other", "?sig=s3cr3t-signatur%C3%A9"])
async def test_the_address_is_the_password(query: str) -> None:
    receiver = WorkflowsReceiver(SIGNATURE)
    path = receiver.path().partition("?")[0] + query
    assert (await post(receiver, render(ticket()), path=path)).status_code == 401
    assert receiver.messages == []


async def test_the_fifth_request_in_a_second_is_told_to_come_later() -> None:
    now = 100.0
    receiver = WorkflowsReceiver(SIGNATURE, clock=lambda: now)
    answers = [await post(receiver, render(ticket())) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 4 + [429] * 2
    assert answers[-1].headers["retry-after"] == "1"
    now += 1.1
    assert (await post(receiver, render(ticket()))).status_code == 202


async def test_only_the_newest_are_kept() -> None:
    receiver = WorkflowsReceiver(SIGNATURE, keep=2, per_second=0)
    for number in range(3):
        await post(receiver, render(ticket(number)))
    assert receiver.messages == [render(ticket(1)), render(ticket(2))]


async def test_faults_are_used_up_in_their_order() -> None:
    receiver = FaultyReceiver(SIGNATURE, per_second=0, faults=[Fault(429, {"retry-after": "9"}), Fault(500)])
    answers = [await post(receiver, render(ticket())) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 500, 202]
    assert answers[0].headers["retry-after"] == "9"
    assert len(receiver.messages) == 1


async def test_another_hosts_name_is_not_answered() -> None:
    async with talking_to(WorkflowsReceiver(SIGNATURE), "rebound.example") as client:
        assert (await client.get("/messages")).status_code == 400
