from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import orjson
import pytest

from authz.adapters.teams import pace as pace_module
from authz.adapters.teams.pace import Pace
from authz.adapters.teams.retry_after import retry_after_s
from authz.adapters.teams.secret_url import SecretUrl
from authz.adapters.teams.workflows import EVENTS, WorkflowsChannel, WorkflowsSettings, webhook_client
from authz.domain.events import EventType
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


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("120", 120),
        (" 3 ", 3),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, seconds: float) -> None:
    assert retry_after_s(value, NOW) == seconds


async def test_a_date_is_counted_from_the_servers_own_clock() -> None:
    """Ours may be an hour off."""
    later = format_datetime(NOW + timedelta(seconds=30), usegmt=True)
    answer = answering(503, retry_after=later, date=format_datetime(NOW, usegmt=True))
    with pytest.raises(DeliveryDelayed) as caught:
        await channel(answer).send(POSTING)
    assert caught.value.after_s == 30


@pytest.mark.parametrize(
    "url", ["", "flows.example/x", "ftp://flows.example/x", "https://", "https://a:b:c/", "/x"]
)
def test_an_address_that_can_not_be_posted_to_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ValueError, match="not an absolute http or https URL") as caught:
        SecretUrl(url)
    assert not url or url not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_address_shows_nowhere_by_itself() -> None:
    secret = SecretUrl(URL)
    assert "s3cr3t" not in f"{secret} {secret!r}"
    assert secret.reveal() == URL


async def test_a_place_is_free_again_only_a_while_after_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "WINDOW_S", 0.05)
    pace = Pace(2)
    loop = asyncio.get_running_loop()
    order: list[int] = []
    begun: list[float] = []
    answered: list[float] = []

    async def one(number: int) -> None:
        async with pace.turn() as shut_for:
            assert shut_for == 0
            order.append(number)
            begun.append(loop.time())
            await asyncio.sleep(0.01)
            answered.append(loop.time())

    await asyncio.gather(*(one(number) for number in range(6)))
    assert order == list(range(6))
    assert all(later - before >= 0.0499 for before, later in zip(answered, begun[2:], strict=False))


async def test_who_waits_too_long_for_a_place_is_sent_back_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "PATIENCE_S", 0.01)
    pace = Pace(1)
    async with pace.turn() as first, pace.turn() as second:
        assert first == 0
        assert second > 0


async def test_a_pause_reaches_those_who_wait_already_and_a_shorter_one_does_not_end_it() -> None:
    pace = Pace(1)

    async def next_turn() -> float:
        async with pace.turn() as shut_for:
            return shut_for

    async with pace.turn():
        waiting = asyncio.create_task(next_turn())
        await asyncio.sleep(0)
        pace.pause(50)
        pace.pause(1)
    assert 0 < await waiting <= 50
    assert 0 < await next_turn() <= 50


async def test_after_a_pause_one_goes_first_and_the_others_heed_its_answer() -> None:
    pace = Pace(10)
    pace.pause(0.01)
    through: list[int] = []

    async def one(number: int) -> float:
        async with pace.turn() as shut_for:
            if not shut_for:
                through.append(number)
                await asyncio.sleep(0.01)
                pace.pause(50)
            return shut_for

    await asyncio.sleep(0.02)
    results = await asyncio.gather(*(one(number) for number in range(5)))
    assert through == [0]
    assert all(shut_for > 49 for shut_for in results[1:])


async def test_after_a_pause_and_an_acceptance_posts_go_side_by_side_again() -> None:
    pace = Pace(10)
    pace.pause(0.001)
    await asyncio.sleep(0.002)
    async with pace.turn() as shut_for:
        assert shut_for == 0
    async with pace.turn(), pace.turn() as shut_for:
        assert shut_for == 0


async def test_the_client_is_bounded_and_follows_nothing() -> None:
    async with webhook_client(3.0) as client:
        assert client.follow_redirects is False
        assert client.timeout == httpx.Timeout(3.0)


def test_only_what_people_wait_for_is_posted() -> None:
    names = {event.value for event in EVENTS}
    assert names == {
        "ticket.created",
        "ticket.approved",
        "ticket.rejected",
        "ticket.expired",
        "ticket.cancelled",
        "ticket.superseded",
        "vote.withdrawn",
        "grant.revoked",
        "breakglass.used",
        "breakglass.reviewed",
    }
