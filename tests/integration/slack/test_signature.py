"""`POST /slack/events`: what is believed to be Slack's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier

from authz.adapters.slack.blocks import APPROVE
from authz.domain.ticket import State
from authz.entrypoints.chat.slack_http import BODY_MAX, PATH
from tests.integration.slack.world import World, world
from tests.support.slack_people import form, press, signed


@pytest.fixture
async def room() -> AsyncIterator[World]:
    async with world() as made:
        await made.hold()
        yield made


def pressed(room: World) -> bytes:
    return form(press(room.slack, "U0BOB", room.slack.card(), APPROVE))


async def sent(room: World, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    answer = await room.http.post(PATH, content=body, headers=headers)
    await room.in_hand.drain(20)
    return answer


@pytest.mark.parametrize("age", [-290, 0, 290])
async def test_a_signed_press_of_the_last_five_minutes_counts(room: World, age: int) -> None:
    body = pressed(room)
    assert (await sent(room, body, signed(body, room.slack.now() - age))).status_code == 200
    assert room.state() is State.APPROVED


@pytest.mark.parametrize("age", [-310, 310, 86_400])
async def test_an_older_one_does_not(room: World, age: int) -> None:
    body = pressed(room)
    assert (await sent(room, body, signed(body, room.slack.now() - age))).status_code == 401
    assert room.state() is State.PENDING


Change = Callable[[dict[str, str]], object]
FORGERIES: dict[str, Change] = {
    "no signature": lambda headers: headers.pop("x-slack-signature"),
    "no time stamp": lambda headers: headers.pop("x-slack-request-timestamp"),
    "another signature": lambda headers: headers.update({"x-slack-signature": f"v0={'0' * 64}"}),
    "another version": lambda headers: headers.update(
        {"x-slack-signature": headers["x-slack-signature"].replace("v0", "v1")}
    ),
    "a signature of other letters": lambda headers: headers.update({"x-slack-signature": "v0=\u00e4"}),
    "another time stamp": lambda headers: headers.update(
        {"x-slack-request-timestamp": str(int(headers["x-slack-request-timestamp"]) - 1)}
    ),
}
STAMPS = [
    "",
    "yesterday",
    "1e9",
    "1_700_000_000",
    "-1",
    "\u0661\u0662",
    " 1700000000",
    "9" * 400,
    "1700000000.5",
]


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
async def test_what_is_not_signed_so_is_refused(room: World, forgery: Change) -> None:
    body = pressed(room)
    headers = signed(body, room.slack.now())
    forgery(headers)
    encoded = {name.encode(): value.encode("utf-8") for name, value in headers.items()}
    answer = await room.http.post(PATH, content=body, headers=encoded)
    assert answer.status_code == 401
    assert room.state() is State.PENDING


@pytest.mark.parametrize("stamp", STAMPS)
async def test_a_time_stamp_that_is_no_number_is_refused(room: World, stamp: str) -> None:
    body = pressed(room)
    headers = {name.encode(): value.encode() for name, value in signed(body, room.slack.now()).items()}
    headers[b"x-slack-request-timestamp"] = stamp.encode()
    answer = await room.http.post(PATH, content=body, headers=headers)
    assert answer.status_code == 401


async def test_a_signature_with_another_secret_or_of_another_body_is_refused(room: World) -> None:
    body = pressed(room)
    assert (await sent(room, body, signed(body, room.slack.now(), "another"))).status_code == 401
    assert (await sent(room, body, signed(body + b" ", room.slack.now()))).status_code == 401
    assert room.state() is State.PENDING


async def test_without_the_signature_anybody_could_decide(
    room: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the press is good, and nothing else keeps it out."""
    monkeypatch.setattr(SignatureVerifier, "is_valid", lambda *_args: True)
    body = pressed(room)
    assert (await sent(room, body, signed(body, 0, "another"))).status_code == 200
    assert room.state() is State.APPROVED


async def test_what_bolt_would_let_through_unsigned_is_refused(room: World) -> None:
    """`ssl_check` and `url_verification` come before or beside a signature in many programs."""
    for body in (b"ssl_check=1&token=x", b'{"type":"url_verification","challenge":"x"}'):
        answer = await room.http.post(PATH, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 401


async def test_the_address_is_verified_when_slack_asks_for_it(room: World) -> None:
    body = b'{"type":"url_verification","challenge":"said-back"}'
    headers = {**signed(body, room.slack.now()), "content-type": "application/json"}
    answer = await room.http.post(PATH, content=body, headers=headers)
    assert (answer.status_code, "said-back" in answer.text) == (200, True)


async def test_a_body_has_a_bound_and_nothing_unsigned_is_read(room: World) -> None:
    large = b"payload=" + b"x" * BODY_MAX
    assert (await sent(room, large, signed(large, room.slack.now()))).status_code == 413


@pytest.mark.parametrize(
    "body", [b"payload={", b"payload=[]", b"payload=\xff", b"a=1&a=2", b"payload=" + b"[" * 100_000]
)
async def test_what_is_signed_and_unreadable_is_refused(room: World, body: bytes) -> None:
    assert (await sent(room, body, signed(body, room.slack.now()))).status_code in {400, 401}


async def test_it_takes_posts_alone(room: World) -> None:
    assert (await room.http.get(PATH)).status_code == 405
