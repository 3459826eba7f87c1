"""What a console works on for each chat: so much of each, whatever the others do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from starlette.routing import BaseRoute

from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap import open_outside
from authz.domain.errors import Overloaded
from authz.entrypoints.chat import chats as chats_module
from authz.entrypoints.chat import slack as slack_module
from authz.entrypoints.chat.chats import chats
from authz.entrypoints.chat.in_hand import InHand
from tests.support.ports import free_port
from tests.unit.settings.test_settings import load
from tests.unit.settings.test_slack import ROOM
from tests.unit.settings.test_teams_bot import BOT

MOST = 2


@pytest.fixture
async def in_hands(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[InHand, InHand, Metrics]]:
    """What is given to Slack's part and to Teams' part of a console that has both, and its metrics."""
    given: dict[str, InHand] = {}

    @asynccontextmanager
    async def slack_inbound(
        _workspaces: object, _url: str, in_hand: InHand, *_: object
    ) -> AsyncIterator[list[BaseRoute]]:
        given["slack"] = in_hand
        yield []

    def teams_inbound(_teams: object, in_hand: InHand) -> SimpleNamespace:
        given["teams"] = in_hand
        return SimpleNamespace(routes=list)

    monkeypatch.setattr(slack_module, "slack_inbound", slack_inbound)
    monkeypatch.setattr(chats_module, "teams_inbound", teams_inbound)
    settings = load(channels=json.dumps({"one": ROOM, "other": dict(BOT)}), chat_messages=str(MOST))
    metrics = Metrics()
    async with open_outside(settings) as outside, chats(settings, outside, metrics, _no_task):
        yield given["slack"], given["teams"], metrics


async def test_a_chat_that_is_flooded_keeps_no_other_waiting(
    in_hands: tuple[InHand, InHand, Metrics],
) -> None:
    slack, teams, metrics = in_hands
    stop = asyncio.Event()
    for _ in range(MOST):
        _ = slack.start(_until(stop))
    with pytest.raises(Overloaded, match="HOLDGATE_CHAT_MESSAGES"):
        _ = slack.start(_until(stop))
    assert teams.leave(_until(stop))
    assert _value(metrics, "holdgate_chat_in_hand_limit") == MOST
    assert _value(metrics, "holdgate_chat_in_hand", chat="slack") == MOST
    assert _value(metrics, "holdgate_chat_in_hand", chat="teams") == 1
    assert _value(metrics, "holdgate_chat_turned_away_total", chat="slack") == 1
    assert _value(metrics, "holdgate_chat_turned_away_total", chat="teams") == 0
    stop.set()
    await slack.drain()
    await teams.drain()
    assert _value(metrics, "holdgate_chat_in_hand", chat="slack") == 0


async def test_more_apps_than_are_worked_on_at_once_keep_no_console_from_starting() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/api/"  # each app is looked at there, at the start
    apps = {
        name: {
            **ROOM,
            "bot_token": f"xoxb-{name}",
            "app_token": "",
            "signing_secret": name,
            "api_url": nowhere,
        }
        for name in ("one", "other")
    }
    settings, metrics = load(channels=json.dumps(apps), chat_messages="1"), Metrics()
    async with open_outside(settings) as outside, chats(settings, outside, metrics, _no_task) as routes:
        assert len(routes) == 1
        assert _value(metrics, "holdgate_chat_turned_away_total", chat="slack") == 1


async def test_control_chats_that_share_it_keep_each_other_waiting() -> None:
    shared, stop = InHand(MOST, lambda: None), asyncio.Event()
    for _ in range(MOST):
        _ = shared.start(_until(stop))
    assert not shared.leave(_until(stop))
    stop.set()
    await shared.drain()


def _no_task(_work: Coroutine[object, object, None], _name: str) -> asyncio.Task[None]:
    raise AssertionError


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)
