"""The signed webhook against a receiver that verifies with the library of the specification."""

from __future__ import annotations

import ssl
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest

from authz.adapters.http_post.client import webhook_client
from authz.adapters.http_post.spread import SpreadTransport
from authz.adapters.webhook import channel as channel_module
from authz.adapters.webhook.channel import WebhookChannel, WebhookSettings
from authz.domain.break_glass import Review
from authz.domain.events import EventType
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Posting
from tests.support.faulty_receiver import Fault
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import CREATED_AT, ticket
from tests.support.webhook_receiver import WebhookReceiver
from tests.support.workflows_server import serving

OLD, NEW = b"o" * 32, b"n" * 32
CREATED = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT)


def secret(key: bytes) -> str:
    return f"whsec_{b64encode(key).decode()}"


@asynccontextmanager
async def sending(
    receiver: WebhookReceiver, *keys: bytes, clock: Callable[[], float] = time.time
) -> AsyncIterator[WebhookChannel]:
    """Serve the receiver, and give a channel to it."""
    async with serving(receiver) as url, webhook_client(5.0, trust_env=False) as client:
        settings = WebhookSettings("https://holdgate.example", keys or (NEW,))
        yield WebhookChannel(client, url, settings, clock)


async def test_a_verified_event_arrives() -> None:
    receiver = WebhookReceiver(secret(NEW))
    async with sending(receiver) as channel:
        receipt = await channel.send(CREATED)
    assert receipt == f"{ticket().id}/1-ticket-created"
    [accepted] = receiver.accepted.values()
    assert accepted.headers["webhook-id"] == receipt
    assert accepted.event["id"] == receipt
    assert accepted.event["type"] == "ticket.created"


async def test_every_type_of_event_arrives_once_under_an_id_of_its_own() -> None:
    receiver = WebhookReceiver(secret(NEW))
    review = Review(review_draft(), CREATED_AT, CREATED_AT + 1000)
    async with sending(receiver) as channel:
        for kind in sorted(channel.events):
            for _ in range(2):  # the second time as after a crash between answer and acknowledgement
                if kind.value.startswith("breakglass"):
                    await channel.alarm(Alarm(kind, review, CREATED_AT))
                else:
                    await channel.send(Posting(kind, ticket(), CREATED_AT, rev=3))
    assert receiver.requests == 2 * len(EventType)
    assert sorted(kept.event["type"] for kept in receiver.accepted.values()) == sorted(EventType)


@pytest.mark.parametrize("known", [OLD, NEW])
async def test_while_secrets_change_receivers_of_either_are_served(known: bytes) -> None:
    receiver = WebhookReceiver(secret(known))
    async with sending(receiver, NEW, OLD) as channel:
        await channel.send(CREATED)
    assert len(receiver.accepted) == 1


async def test_a_receiver_with_another_secret_refuses_and_that_is_no_delivery() -> None:
    receiver = WebhookReceiver(secret(OLD))
    async with sending(receiver, NEW) as channel:
        with pytest.raises(DeliveryRefused, match="answered 401"):
            await channel.send(CREATED)
    assert receiver.refused == ["No matching signature found"]


async def test_an_unsigned_event_would_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the receiver does look at the signature."""

    def unsigned(*_: object) -> Mapping[str, str]:
        return {"webhook-id": "x", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,"}

    monkeypatch.setattr(channel_module, "signed", unsigned)
    receiver = WebhookReceiver(secret(NEW))
    async with sending(receiver) as channel:
        with pytest.raises(DeliveryRefused, match="answered 401"):
            await channel.send(CREATED)


async def test_each_attempt_is_signed_anew_because_receivers_refuse_an_old_time() -> None:
    """The same event is told again an hour later under the same id and at the time of then."""
    times = [time.time() - 3600, time.time()]
    receiver = WebhookReceiver(secret(NEW))
    async with sending(receiver, clock=lambda: times.pop(0)) as channel:
        with pytest.raises(DeliveryRefused, match="answered 401"):
            await channel.send(CREATED)
        await channel.send(CREATED)
    assert receiver.refused == ["Message timestamp too old"]
    assert len(receiver.accepted) == 1


@pytest.mark.parametrize("status", [301, 307, 308, 400, 404, 410, 422])
async def test_what_is_final_is_refused_and_no_redirect_is_followed(status: int) -> None:
    receiver = WebhookReceiver(secret(NEW), [Fault(status, {"location": "/elsewhere"})])
    async with sending(receiver) as channel:
        with pytest.raises(DeliveryRefused, match=f"answered {status}"):
            await channel.send(CREATED)
    assert receiver.refused == []


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_pass_is_tried_again_when_the_receiver_said(status: int) -> None:
    receiver = WebhookReceiver(secret(NEW), [Fault(status, {"retry-after": "30"})])
    async with sending(receiver) as channel:
        with pytest.raises(DeliveryDelayed, match=f"answered {status}") as caught:
            await channel.send(CREATED)
        assert (caught.value.after_s, caught.value.tried) == (30, True)
        with pytest.raises(DeliveryDelayed, match="asked for a pause") as caught:
            await channel.send(CREATED)
        assert not caught.value.tried
    assert receiver.requests == 1


async def test_the_client_verifies_certificates() -> None:
    """Where nobody says otherwise, and nothing here does."""
    async with webhook_client(5.0, trust_env=False) as client:
        spread = client._transport
        assert isinstance(spread, SpreadTransport)
        transport = spread._make()
    assert isinstance(transport, httpx.AsyncHTTPTransport)
    context = transport._pool._ssl_context
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
