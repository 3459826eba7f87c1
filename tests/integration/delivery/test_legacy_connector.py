"""The retired connector format, against a receiver that takes it as those that are self-hosted do."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pymsteams
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from authz.adapters.teams import connector
from authz.adapters.teams.connector import ConnectorChannel, ConnectorSettings
from authz.bootstrap.channels import channels
from authz.bootstrap.outside import Outside
from authz.domain.break_glass import Review
from authz.domain.errors import SettingsInvalid
from authz.domain.events import EventType
from authz.domain.identity import Identity, Principal
from authz.services.digest import Digest, Digesting
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Posting
from authz.settings_loader import load_settings
from tests.support.faulty_receiver import Fault
from tests.support.requirements import requirement
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import CREATED_AT, REQUEST, ticket
from tests.support.workflows_server import serving

CREATED = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT)
SETTINGS = ConnectorSettings("https://holdgate.example", timeout_s=5.0)
SIGNATURE = "s3cr3t-signature"


class ConnectorReceiver:
    """Takes MessageCards, and answers 200 with "1" as Microsoft's did."""

    def __init__(self, *faults: Fault) -> None:
        self._faults = deque(faults)
        self.cards: list[dict[str, Any]] = []
        self.requests = 0
        self.elsewhere = 0

    def path(self) -> str:
        return f"/hook/{SIGNATURE}"

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route(self.path(), self._post, methods=["POST"]),
                Route("/elsewhere", self._elsewhere, methods=["GET", "POST"]),
            ]
        )

    async def _post(self, request: Request) -> Response:
        self.requests += 1
        if self._faults:
            fault = self._faults.popleft()
            return PlainTextResponse("why not", fault.status, dict(fault.headers))
        card = await request.json()
        if not card.get("summary") and not card.get("text"):
            return PlainTextResponse("Summary or Text is required.", 400)
        self.cards.append(card)
        return PlainTextResponse("1")

    async def _elsewhere(self, _request: Request) -> Response:
        self.elsewhere += 1
        return PlainTextResponse("1")


async def test_a_card_arrives_with_a_link() -> None:
    receiver = ConnectorReceiver()
    async with serving(receiver) as url:
        assert await ConnectorChannel(url, SETTINGS).send(CREATED) == "accepted"
    [card] = receiver.cards
    assert card["title"].startswith("Approval needed · ")
    [button] = card["potentialAction"]
    assert button["target"] == [f"https://holdgate.example/tickets/{ticket().id}"]
    [section] = card["sections"]
    assert section["markdown"] is False
    assert {"name": "Approvals", "value": "0 of 1"} in section["facts"]


async def test_a_digest_is_one_card_that_counts_and_leads_to_the_list() -> None:
    receiver = ConnectorReceiver()
    async with serving(receiver) as url:
        channel = ConnectorChannel(url, SETTINGS)
        assert isinstance(channel, Digesting)
        assert await channel.digest(Digest(37, 40, CREATED_AT, CREATED_AT), "") == ""
    [card] = receiver.cards
    assert card["title"] == "37 requests wait for a decision"
    assert card["potentialAction"][0]["target"] == ["https://holdgate.example/"]


async def test_a_reminder_says_that_it_is_one() -> None:
    receiver = ConnectorReceiver()
    async with serving(receiver) as url:
        await ConnectorChannel(url, SETTINGS).send(replace(CREATED, type=EventType.TICKET_REMINDED))
    [card] = receiver.cards
    assert card["text"].startswith("Reminder: it is still waiting. Rule ")


async def test_a_broken_glass_is_told() -> None:
    receiver = ConnectorReceiver()
    review = Review(review_draft(), CREATED_AT, CREATED_AT + 1000)
    async with serving(receiver) as url:
        await ConnectorChannel(url, SETTINGS).alarm(Alarm(EventType.BREAKGLASS_USED, review, CREATED_AT))
    [card] = receiver.cards
    assert card["title"].startswith("Break-glass used · ")
    assert card["potentialAction"][0]["target"] == [f"https://holdgate.example/break-glass/{review.id}"]


async def test_no_word_of_anybody_else_stands_in_a_card() -> None:
    """Nothing would escape it: the same card comes out, whatever they say."""
    attack = "[APPROVED](https://evil.example)"
    request = replace(REQUEST, host=attack, path=attack, query=attack, method=attack)
    of = ticket(request=request, requirement=requirement(reason=attack, show=((attack, attack),)))
    draft = replace(of.draft, justification=attack, requester=Principal(Identity("x", attack), attack))
    receiver = ConnectorReceiver()
    async with serving(receiver) as url:
        channel = ConnectorChannel(url, SETTINGS)
        await channel.send(CREATED)
        await channel.send(replace(CREATED, ticket=replace(of, draft=draft)))
    usual, attacked = receiver.cards
    assert usual == attacked


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_what_is_final_is_refused(status: int) -> None:
    async with serving(ConnectorReceiver(Fault(status))) as url:
        with pytest.raises(DeliveryRefused, match=f"answered {status}"):
            await ConnectorChannel(url, SETTINGS).send(CREATED)


async def test_a_pause_that_was_asked_for_is_made() -> None:
    receiver = ConnectorReceiver(Fault(429, {"Retry-After": "30"}))
    async with serving(receiver) as url:
        channel = ConnectorChannel(url, SETTINGS)
        with pytest.raises(DeliveryDelayed, match="answered 429") as caught:
            await channel.send(CREATED)
        assert caught.value.after_s == 30
        with pytest.raises(DeliveryDelayed, match="asked for a pause"):
            await channel.send(CREATED)
    assert receiver.requests == 1


async def test_a_redirect_is_no_acceptance() -> None:
    """The library has followed it by then, which is said in the docs."""
    receiver = ConnectorReceiver(Fault(307, {"location": "/elsewhere"}))
    async with serving(receiver) as url:
        with pytest.raises(DeliveryRefused, match="redirect"):
            await ConnectorChannel(url, SETTINGS).send(CREATED)
    assert receiver.elsewhere == 1


async def test_a_receiver_that_hangs_blocks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's call waits in its thread; the event loop goes on, and gives up in time."""
    released = threading.Event()
    monkeypatch.setattr(pymsteams.connectorcard, "send", lambda _card: released.wait(30))
    channel = ConnectorChannel("http://127.0.0.1:9/x", replace(SETTINGS, timeout_s=0.2))
    try:
        with pytest.raises(DeliveryDelayed, match=r"no answer in 0\.2 s"):
            await channel.send(CREATED)
    finally:
        released.set()


async def everything_told(caplog: pytest.LogCaptureFixture) -> str:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")
    told: list[str] = []
    async with serving(ConnectorReceiver(Fault(404), Fault(200))) as url:
        channel = ConnectorChannel(url, SETTINGS)
        with pytest.raises(DeliveryRefused) as refused:
            await channel.send(CREATED)
        await channel.send(CREATED)
    with pytest.raises(DeliveryDelayed) as gone:
        await channel.send(CREATED)
    told += [repr(refused.value), repr(gone.value)]
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    return "\n".join([*told, *(record.getMessage() for record in ours)])


async def test_no_record_and_no_error_holds_the_address(caplog: pytest.LogCaptureFixture) -> None:
    assert SIGNATURE not in await everything_told(caplog)


async def test_the_library_would_log_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control."""

    @contextmanager
    def logged() -> Iterator[None]:
        yield

    monkeypatch.setattr(connector, "unlogged", logged)
    assert SIGNATURE in await everything_told(caplog)


def wired(outside: Outside) -> None:
    described = '{"old": {"kind": "teams-connector", "url": "https://cards.example/s3cret"}}'
    channels(load_settings({"HOLDGATE_CHANNELS": described}), outside)


@pytest.fixture
def outside() -> Outside:
    """Return what such a channel doesn't use."""
    unused: Any = None
    return Outside(unused, unused, unused, unused, httpx.AsyncClient(), unused)


def test_its_limits_are_said_at_the_start(outside: Outside, capsys: pytest.CaptureFixture[str]) -> None:
    wired(outside)
    told = capsys.readouterr().out
    assert "channel.legacy" in told
    assert "s3cret" not in told


def test_without_the_library_it_is_said_what_to_install(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymsteams", None)
    monkeypatch.delitem(sys.modules, "authz.adapters.teams.connector")
    with pytest.raises(SettingsInvalid, match=r"HOLDGATE_CHANNELS\.old: .*holdgate\[teams-legacy\]"):
        wired(outside)
