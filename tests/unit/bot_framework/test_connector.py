"""What the connector's answers lead to, in a time of the test's own."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from authz.adapters.bot_framework import connector as module
from authz.adapters.bot_framework.connector import PATIENCE_S, TRIES, Connector
from authz.adapters.bot_framework.exchange import ANSWER_MAX, ConversationGone
from authz.adapters.bot_framework.pace import Pace
from authz.services.card_ports import CardGone
from authz.services.ports import DeliveryDelayed, DeliveryRefused
from tests.support.bot_framework_server import BotFramework
from tests.support.teams_rooms import Room
from tests.unit.bot_framework.conftest import Clock

HELLO = {"type": "message", "text": "hello"}


@dataclass
class Sleep:
    """Lets time pass, and remembers how much."""

    clock: Clock
    slept: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.now += seconds


@pytest.fixture
def sleep(clock: Clock) -> Sleep:
    return Sleep(clock)


@pytest.fixture
def connector(vendor: BotFramework, client: httpx.AsyncClient, clock: Clock, sleep: Sleep) -> Connector:
    return Connector(vendor.settings(), client, monotonic=clock, sleep=sleep)


@pytest.fixture
def room(vendor: BotFramework) -> Room:
    return vendor.channel(bot_in=True)


def error(status: int, code: str = "", after: str = "") -> Response:
    headers = {"retry-after": after} if after else None
    return JSONResponse({"error": {"code": code, "message": "s3cret words"}}, status, headers)


@pytest.mark.parametrize("status", [412, 429, 502, 504])
async def test_what_the_vendor_wants_tried_again_is(
    vendor: BotFramework, connector: Connector, room: Room, sleep: Sleep, status: int
) -> None:
    vendor.answers.extend([error(status), error(status)])
    await connector.post(vendor.service_url, room.id, HELLO)
    assert len(vendor.calls) == 3
    assert [message.text for message in vendor.messages(room)] == ["hello"]
    first, second = sleep.slept
    assert 0.5 <= first <= 1.0 <= second <= 2.0


@pytest.mark.parametrize("status", [412, 429, 502, 504])
async def test_it_is_tried_so_often_and_then_left_to_the_outbox(
    vendor: BotFramework, connector: Connector, room: Room, status: int
) -> None:
    vendor.answers.extend([error(status)] * 9)
    with pytest.raises(DeliveryDelayed, match=str(status)):
        await connector.post(vendor.service_url, room.id, HELLO)
    assert len(vendor.calls) == TRIES


async def test_no_two_waits_are_alike(vendor: BotFramework, connector: Connector, sleep: Sleep) -> None:
    for _ in range(8):
        vendor.answers.append(error(502))
        await connector.post(vendor.service_url, vendor.channel(bot_in=True).id, HELLO)
    assert len(set(sleep.slept)) == 8


@pytest.mark.parametrize("status", [408, 425, 500, 503])
async def test_what_may_pass_is_left_to_the_outbox_at_once(
    vendor: BotFramework, connector: Connector, room: Room, status: int
) -> None:
    vendor.answers.append(error(status, "ServiceError", "7"))
    with pytest.raises(DeliveryDelayed, match=f"{status} ServiceError") as delayed:
        await connector.post(vendor.service_url, room.id, HELLO)
    assert delayed.value.after_s == 7
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (error(400, "BadSyntax"), "400 BadSyntax"),
        (error(403, "BotDisabledByAdmin"), "403 BotDisabledByAdmin"),
        (error(413, "MessageSizeTooBig"), "413 MessageSizeTooBig"),
        (error(418, "<script>"), "answered 418$"),
        (RedirectResponse("https://elsewhere.example/"), "answered 307"),
        (error(429, "Throttled", "100000"), "asks to wait 100000 s"),
        (JSONResponse({}, 201), "no id"),
        (JSONResponse({"id": 7}, 201), "no id"),
        (JSONResponse([], 201), "no id"),
        (PlainTextResponse("x" * (ANSWER_MAX + 1), 201), "no id"),
    ],
)
async def test_what_trying_again_would_not_change_is_refused(
    vendor: BotFramework, connector: Connector, room: Room, answer: Response, said: str
) -> None:
    vendor.answers.append(answer)
    with pytest.raises(DeliveryRefused, match=said) as refused:
        await connector.post(vendor.service_url, room.id, HELLO)
    assert "s3cret" not in str(refused.value)
    assert len(vendor.calls) == 1


async def test_a_pause_that_is_short_is_waited_for(
    vendor: BotFramework, connector: Connector, room: Room, clock: Clock
) -> None:
    start = clock.now
    vendor.answers.append(error(429, "Throttled", "3"))
    await connector.post(vendor.service_url, room.id, HELLO)
    assert clock.now - start >= 3
    assert len(vendor.calls) == 2


async def test_a_pause_that_is_long_holds_that_conversation_alone(
    vendor: BotFramework, connector: Connector, room: Room, clock: Clock, sleep: Sleep
) -> None:
    vendor.answers.append(error(429, "Throttled", "60"))
    with pytest.raises(DeliveryDelayed) as delayed:
        await connector.post(vendor.service_url, room.id, HELLO)
    assert (delayed.value.after_s, delayed.value.tried) == (60, True)
    with pytest.raises(DeliveryDelayed) as delayed:
        await connector.post(vendor.service_url, room.id, HELLO)
    assert delayed.value.after_s == pytest.approx(60)
    assert delayed.value.tried is False
    assert len(vendor.calls) == 1
    await connector.post(vendor.service_url, vendor.channel(bot_in=True).id, HELLO)
    clock.now += 60
    await connector.post(vendor.service_url, room.id, HELLO)
    assert sleep.slept == []


async def test_a_burst_is_paced_below_what_the_vendor_allows(
    vendor: BotFramework, connector: Connector, room: Room
) -> None:
    for _ in range(12):
        await connector.post(vendor.service_url, room.id, HELLO)
    assert len(vendor.calls) == 12


async def test_without_the_pace_the_vendor_would_throttle(
    vendor: BotFramework, connector: Connector, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(Pace, "turn", lambda *_: (True, 0.0))
    for _ in range(12):
        await connector.post(vendor.service_url, room.id, HELLO)
    assert len(vendor.calls) > 12


async def test_who_would_wait_too_long_for_a_turn_goes_back_to_the_outbox(
    vendor: BotFramework, client: httpx.AsyncClient, clock: Clock, room: Room
) -> None:
    async def asleep(seconds: float) -> None:
        """No time passes, so that all come at once."""

    connector = Connector(vendor.settings(), client, monotonic=clock, sleep=asleep)
    vendor.rates = ()
    posts = (connector.post(vendor.service_url, room.id, HELLO) for _ in range(40))
    with pytest.raises(DeliveryDelayed, match="too much is written") as delayed:
        await asyncio.gather(*posts)
    assert delayed.value.tried is False
    assert delayed.value.after_s > PATIENCE_S


# --- the token ---


async def test_a_token_that_is_not_taken_is_renewed_once(
    vendor: BotFramework, connector: Connector, room: Room
) -> None:
    await connector.post(vendor.service_url, room.id, HELLO)
    vendor.revoke_tokens()
    await connector.post(vendor.service_url, room.id, HELLO)
    assert vendor.asked == [vendor.token_path] * 2
    assert len(vendor.calls) == 3


async def test_a_new_token_that_is_not_taken_either_is_refused(
    vendor: BotFramework, connector: Connector, room: Room
) -> None:
    vendor.answers.extend([JSONResponse({"message": "denied"}, 401)] * 5)
    with pytest.raises(DeliveryRefused, match="401: is this bot registered"):
        await connector.post(vendor.service_url, room.id, HELLO)
    assert len(vendor.calls) == 2
    assert vendor.asked == [vendor.token_path] * 2


# --- what is no more ---


async def test_a_card_that_was_deleted_is_gone(
    vendor: BotFramework, connector: Connector, room: Room
) -> None:
    posted = await connector.post(vendor.service_url, room.id, HELLO)
    vendor.delete(room.messages[posted])
    with pytest.raises(CardGone, match="404 ActivityNotFoundInConversation"):
        await connector.update(vendor.service_url, room.id, posted, HELLO)
    with pytest.raises(CardGone, match="404"):
        await connector.reply(vendor.service_url, room.id, posted, HELLO)


async def test_where_the_bot_was_removed_its_cards_are_gone(
    vendor: BotFramework, connector: Connector, room: Room
) -> None:
    posted = await connector.post(vendor.service_url, room.id, HELLO)
    room.bot_in = False
    with pytest.raises(CardGone, match="403 BotNotInConversationRoster"):
        await connector.update(vendor.service_url, room.id, posted, HELLO)
    with pytest.raises(CardGone, match="403 BotNotInConversationRoster"):
        await connector.reply(vendor.service_url, room.id, posted, HELLO)
    with pytest.raises(ConversationGone, match="403 BotNotInConversationRoster"):
        await connector.post(vendor.service_url, room.id, HELLO)


async def test_a_refusal_of_what_is_written_is_no_loss_of_the_card(
    vendor: BotFramework, connector: Connector, room: Room
) -> None:
    posted = await connector.post(vendor.service_url, room.id, HELLO)
    with pytest.raises(DeliveryRefused, match="400 BadSyntax"):
        await connector.update(vendor.service_url, room.id, posted, {"type": "message"})
    with pytest.raises(DeliveryRefused, match="413 MessageSizeTooBig"):
        await connector.update(vendor.service_url, room.id, posted, {**HELLO, "text": "x" * 28_673})


async def test_in_a_group_there_are_no_threads(vendor: BotFramework, connector: Connector) -> None:
    room = vendor.group(vendor.member("bob"), bot_in=True)
    posted = await connector.post(vendor.service_url, room.id, HELLO)
    await connector.reply(vendor.service_url, room.id, posted, HELLO)
    assert [message.root == message.id for message in vendor.messages(room)] == [True, True]


async def test_a_personal_conversation_is_opened_by_the_object_id_and_is_the_same_each_time(
    vendor: BotFramework, connector: Connector
) -> None:
    bob = vendor.member("bob")
    room = vendor.personal(bob, bot_in=True)
    for _ in range(2):
        assert await connector.open_personal(vendor.service_url, vendor.tenant, bob.aad) == room.id
    room.bot_in = False
    with pytest.raises(ConversationGone, match="ForbiddenOperationException"):
        await connector.open_personal(vendor.service_url, vendor.tenant, bob.aad)


# --- no answer ---


class Silent(httpx.AsyncBaseTransport):
    """Breaks, the way networks do."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, stream=httpx.ByteStream(b'{"access_token": "t0ken"}'))
        raise self._error


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (httpx.ConnectError("t0ken"), "no answer .ConnectError."),
        (httpx.ReadError("t0ken"), "no answer .ReadError."),
        (TimeoutError(), "no answer in 5 s"),
    ],
)
async def test_no_answer_is_left_to_the_outbox(
    vendor: BotFramework, clock: Clock, broken: Exception, said: str
) -> None:
    """Not tried again at once: it may have been written all the same."""
    async with httpx.AsyncClient(transport=Silent(broken)) as client:
        connector = Connector(vendor.settings(), client, monotonic=clock)
        with pytest.raises(DeliveryDelayed, match=said) as delayed:
            await connector.post(vendor.service_url, "a:1", HELLO)
    assert "t0ken" not in "".join(traceback.format_exception(delayed.value))


async def test_a_call_as_a_whole_is_bounded(
    vendor: BotFramework, client: httpx.AsyncClient, clock: Clock, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asleep(_seconds: float) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "CALL_S", 0.05)
    connector = Connector(vendor.settings(), client, monotonic=clock, sleep=asleep)
    vendor.answers.append(error(502))
    with pytest.raises(DeliveryDelayed, match=r"no POST in 0\.05 s"):
        await connector.post(vendor.service_url, room.id, HELLO)
