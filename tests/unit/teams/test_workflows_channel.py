from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import orjson
import pytest

from authz.adapters.http_post.pace import Pace
from authz.adapters.teams.workflows import EVENTS, WorkflowsChannel, WorkflowsSettings
from authz.domain.events import EventType
from authz.services.digest import Digest, Digesting
from authz.services.ports import DeliveryDelayed, DeliveryRefused, Posting
from tests.support.sample_tickets import CREATED_AT, ticket

URL = "https://flows.example/workflows/x/invoke?sig=s3cr3t-signature"
POSTING = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT)
Handler = Callable[[httpx.Request], httpx.Response]


def channel(handler: Handler) -> WorkflowsChannel:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return WorkflowsChannel(client, URL, WorkflowsSettings("https://holdgate.example", per_second=1000))


def answering(status: int, body: bytes = b"", **headers: str) -> Handler:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, content=_stream(body), headers=named)


async def _stream(body: bytes) -> AsyncIterator[bytes]:
    """Give a body as the network does; MockTransport would have read it already."""
    yield body


async def test_it_posts_one_card_in_the_envelope_that_workflows_takes() -> None:
    seen: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, content=_stream(b""))

    assert await channel(keep).send(POSTING) == "accepted"
    [request] = seen
    assert (request.method, str(request.url)) == ("POST", URL)
    assert request.headers["content-type"] == "application/json"
    message = orjson.loads(request.content)
    assert message["type"] == "message"
    [attachment] = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["version"] == "1.4"


@pytest.mark.parametrize(
    ("status", "body"), [(202, b""), (202, b"anything"), (200, b""), (204, b"")], ids=str
)
async def test_an_acceptance_is_an_acceptance(status: int, body: bytes) -> None:
    assert await channel(answering(status, body)).send(POSTING) == "accepted"


@pytest.mark.parametrize("status", [200, 201])
async def test_a_page_where_an_acceptance_should_be_is_refused(status: int) -> None:
    """What a sign-in page of a proxy looks like, or a webhook of another kind."""
    with pytest.raises(DeliveryRefused, match=f"answered {status}"):
        await channel(answering(status, b"<html>sign in</html>")).send(POSTING)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422])
async def test_what_would_be_answered_alike_again_is_refused(status: int) -> None:
    with pytest.raises(DeliveryRefused, match=f"answered {status}"):
        await channel(answering(status, location="https://elsewhere.example")).send(POSTING)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    with pytest.raises(DeliveryDelayed, match=f"answered {status}") as caught:
        await channel(answering(status, retry_after="7")).send(POSTING)
    assert caught.value.after_s == 7.0
    assert caught.value.tried


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.PoolTimeout,
    ],
)
async def test_no_answer_is_tried_again_and_nothing_of_the_address_is_told(
    error: type[httpx.HTTPError],
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error(f"{request.url}", request=request)  # type: ignore[call-arg]

    with pytest.raises(DeliveryDelayed) as caught:
        await channel(fail).send(POSTING)
    told = "".join(traceback.format_exception(caught.value))
    assert error.__name__ in told
    assert "s3cr3t" not in told
    assert caught.value.__context__ is None


async def test_a_pause_that_was_asked_for_holds_for_all_posts_of_the_webhook() -> None:
    seen: list[httpx.Request] = []

    def busy(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(429, headers={"retry-after": "60"}, content=_stream(b""))

    webhook = channel(busy)
    with pytest.raises(DeliveryDelayed):
        await webhook.send(POSTING)
    with pytest.raises(DeliveryDelayed, match="asked for a pause") as caught:
        await webhook.send(POSTING)
    assert len(seen) == 1
    assert not caught.value.tried
    assert 59 < caught.value.after_s <= 60


async def test_without_a_pause_the_webhook_would_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the one above."""
    seen: list[httpx.Request] = []

    def busy(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(429, headers={"retry-after": "60"}, content=_stream(b""))

    monkeypatch.setattr(Pace, "pause", lambda _self, _seconds: None)
    webhook = channel(busy)
    for _ in range(2):
        with pytest.raises(DeliveryDelayed, match="answered 429"):
            await webhook.send(POSTING)
    assert len(seen) == 2


async def test_a_pause_longer_than_any_ticket_lives_is_a_refusal() -> None:
    with pytest.raises(DeliveryRefused, match="no ticket lives so long"):
        await channel(answering(429, retry_after="100000")).send(POSTING)


NOW = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)


async def test_a_date_is_counted_from_the_servers_own_clock() -> None:
    """Ours may be an hour off."""
    later = format_datetime(NOW + timedelta(seconds=30), usegmt=True)
    answer = answering(503, retry_after=later, date=format_datetime(NOW, usegmt=True))
    with pytest.raises(DeliveryDelayed) as caught:
        await channel(answer).send(POSTING)
    assert caught.value.after_s == 30


def test_only_what_people_wait_for_is_posted() -> None:
    names = {event.value for event in EVENTS}
    assert names == {
        "ticket.created",
        "ticket.approved",
        "ticket.rejected",
        "ticket.expired",
        "ticket.cancelled",
        "ticket.superseded",
        "ticket.reminded",
        "ticket.escalated",
        "vote.withdrawn",
        "grant.revoked",
        "breakglass.used",
        "breakglass.reviewed",
    }


async def test_a_digest_is_one_card_that_counts_and_leads_to_the_list() -> None:
    seen: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, content=_stream(b""))

    posting = channel(keep)
    assert isinstance(posting, Digesting)
    assert not posting.in_place
    assert await posting.digest(Digest(37, 40, CREATED_AT, CREATED_AT + 1000), "") == ""
    [attachment] = orjson.loads(seen[0].content)["attachments"]
    card = attachment["content"]
    assert "37 requests wait for a decision" in orjson.dumps(card).decode()
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Open the list", "url": "https://holdgate.example/"}
    ]
