"""What the settings make of Slack, and that nobody needs its libraries who has no such channel."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from authz.adapters.slack.web import SlackWeb
from authz.bootstrap import slack as slack_module
from authz.bootstrap.channels import channels
from authz.bootstrap.outside import Outside
from authz.bootstrap.slack import slack_workspaces
from authz.domain.errors import SettingsInvalid
from authz.services.living_cards import LivingCards
from authz.settings import Settings
from tests.unit.settings.test_channels import described
from tests.unit.settings.test_settings import load
from tests.unit.settings.test_slack import ROOM

LIBRARIES = ("aiohttp", "slack_bolt", "slack_sdk")


def settings(**rooms: dict[str, str]) -> Settings:
    return load(channels=json.dumps(rooms))


def outside() -> Outside:
    unused: Any = None
    return Outside(unused, unused, unused, unused, httpx.AsyncClient(), unused)


async def test_each_channel_is_made_of_living_cards_and_closes_its_connections() -> None:
    around = outside()
    made = channels(load(channels=described(**ROOM)), around)["room"]
    assert isinstance(made, LivingCards)
    await around.closing.aclose()


async def test_channels_with_the_same_tokens_are_one_app() -> None:
    around = outside()
    other = {**ROOM, "bot_token": "xoxb-other", "app_token": "", "signing_secret": "x"}
    two = {**ROOM, "channel": "C0SECOND"}
    found = slack_workspaces(settings(one=ROOM, two=two, third=other), around)
    assert [[room[:2] for room in app.rooms] for app in found] == [
        [("one", "C0APPROVALS"), ("two", "C0SECOND")],
        [("third", "C0APPROVALS")],
    ]
    assert [bool(app.app_token) for app in found] == [True, False]
    await around.closing.aclose()


async def test_the_rest_of_an_app_has_to_be_the_same_as_well() -> None:
    around = outside()
    with pytest.raises(SettingsInvalid, match="two: has the bot_token of one, and not the rest of that app"):
        slack_workspaces(settings(one=ROOM, two={**ROOM, "app_token": "xapp-other"}), around)
    await around.closing.aclose()


async def test_without_the_libraries_such_a_channel_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slack_module, "find_spec", lambda name: None if name == "slack_bolt" else name)
    with pytest.raises(SettingsInvalid, match=r"needs slack_bolt: install holdgate\[slack\]"):
        channels(load(channels=described(**ROOM)), outside())
    with pytest.raises(SettingsInvalid, match=r"needs slack_bolt: install holdgate\[slack\]"):
        slack_workspaces(load(channels=described(**ROOM)), outside())


def test_without_such_a_channel_they_are_not_imported() -> None:
    program = (
        "import sys\n"
        f"for name in {LIBRARIES!r}: sys.modules[name] = None\n"
        "import authz.entrypoints.serving, authz.bootstrap.channels\n"
        "from authz.settings_loader import load_settings\n"
        "from authz.bootstrap.slack import slack_workspaces\n"
        "assert slack_workspaces(load_settings({}), None) == []\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    broken = f"{program}import authz.entrypoints.chat.slack\n"
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([sys.executable, "-c", broken], check=True, capture_output=True)


async def test_a_client_says_neither_its_token_nor_where_it_is() -> None:
    web = SlackWeb("xoxb-s3cret")
    assert "s3cret" not in repr(web)
    await web.aclose()
