"""Socket Mode: a connection of our own, acknowledged in time, and made anew whenever it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from authz.adapters.slack.blocks import APPROVE, REJECT
from authz.domain.ticket import State
from authz.entrypoints.chat.slack_socket import SlackSocket, SocketSettings
from authz.services.backoff import Backoff
from tests.integration.slack.world import World, world
from tests.support.slack_people import command, press, submission
from tests.support.slack_server import SlackServer
from tests.support.slack_state import APP_TOKEN, BOT_TOKEN, Refused

SOON = Backoff(base_s=0.01, max_s=0.02)


@asynccontextmanager
async def connected(room: World, token: str = APP_TOKEN) -> AsyncIterator[SlackSocket]:
    socket = SlackSocket(room.web, room.app, SocketSettings(token, SOON))
    stop = asyncio.Event()
    task = asyncio.create_task(socket.run(stop))
    try:
        yield socket
    finally:
        stop.set()
        await task


@pytest.fixture
async def room() -> AsyncIterator[World]:
    async with world(SlackServer(per_second=100, ack_seconds=1.0)) as made:
        await made.hold()
        yield made


async def delivered(room: World, kind: str, payload: dict[str, object]) -> dict[str, object]:
    answer = await room.slack.deliver(kind, payload)
    await room.in_hand.drain(20)
    return answer


async def test_presses_windows_and_commands_come_over_it(room: World) -> None:
    async with connected(room):
        assert (
            await delivered(room, "interactive", press(room.slack, "U0BOB", room.slack.card(), REJECT)) == {}
        )
        (window,) = room.slack.windows.values()
        blank = await delivered(room, "interactive", submission(room.slack, "U0BOB", window, " "))
        assert blank["response_action"] == "errors"
        assert await delivered(room, "slash_commands", command(room.slack, "U0CAROL", "list")) == {}
        assert room.slack.responses[-1]["text"] == "1 waiting for you"
        await delivered(room, "interactive", submission(room.slack, "U0BOB", window, "because"))
        assert room.state() is State.REJECTED
    assert set(room.slack.deliveries.values()) == {1}, "each was acknowledged the first time"


async def test_it_is_acknowledged_before_it_is_done(room: World) -> None:
    """Slack waits for three seconds; a decision may take longer."""
    gate = asyncio.Event()
    load = room.store.load

    async def slow(ticket_id: str) -> object:
        await gate.wait()
        return await load(ticket_id)

    room.store.load = slow  # type: ignore[method-assign, assignment]
    async with connected(room):
        await room.slack.deliver("interactive", press(room.slack, "U0BOB", room.slack.card(), APPROVE))
        assert room.state() is State.PENDING
        gate.set()
        await room.in_hand.drain(20)
        assert room.state() is State.APPROVED


async def test_an_envelope_that_is_sent_again_counts_once(room: World) -> None:
    pressed = press(room.slack, "U0BOB", room.slack.card(), APPROVE)
    async with connected(room):
        for _ in range(2):
            await delivered(room, "interactive", pressed)
    assert len(room.slack.whispers) == 1


async def test_what_was_not_taken_is_not_acknowledged() -> None:
    async with world(SlackServer(per_second=100, ack_seconds=0.2), at_once=0) as full:
        await full.hold()
        async with connected(full):
            with pytest.raises(TimeoutError):
                await full.slack.deliver(
                    "interactive", press(full.slack, "U0BOB", full.slack.card(), APPROVE)
                )
        assert full.state() is State.PENDING


@pytest.mark.parametrize("how", ["told to", "cut off"])
async def test_it_connects_anew(room: World, how: str) -> None:
    async with connected(room):
        await room.slack.until(lambda: len(room.slack.sockets) == 1)
        (first,) = room.slack.sockets
        if how == "told to":
            await room.slack.drop()
        else:
            await first.close()
        await room.slack.until(lambda: bool(room.slack.sockets) and room.slack.sockets[-1] is not first)
        await delivered(room, "interactive", press(room.slack, "U0BOB", room.slack.card(), APPROVE))
        assert room.state() is State.APPROVED


async def test_a_refused_connection_is_tried_again_with_an_address_of_its_own(room: World) -> None:
    room.slack.failing["apps.connections.open"] += [Refused("internal_error"), Refused("ratelimited", 429, 1)]
    async with connected(room):
        await room.slack.until(lambda: len(room.slack.sockets) == 1)
    opened = [method for method, _ in room.slack.calls if method == "apps.connections.open"]
    assert len(opened) == 3


async def test_it_survives_what_it_does_not_know(room: World) -> None:
    async with connected(room):
        await room.slack.until(lambda: len(room.slack.sockets) == 1)
        for text in ("", "nonsense", "[]", '{"type":"news"}', '{"type":"interactive","envelope_id":1}'):
            await room.slack.sockets[-1].send_str(text)
        await room.slack.deliver("events_api", {"type": "event_callback"})
        await delivered(room, "interactive", press(room.slack, "U0BOB", room.slack.card(), APPROVE))
        assert room.state() is State.APPROVED


async def test_the_token_of_the_bot_opens_no_connection(
    room: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async with connected(room, BOT_TOKEN) as socket:
        await room.slack.until(lambda: len(room.slack.calls) > 5)
        assert not socket.connected.is_set()
    told = capsys.readouterr()
    assert "not_allowed_token_type" in told.out + told.err
    assert BOT_TOKEN not in told.out + told.err
