"""How a Slack channel is described."""

from __future__ import annotations

import pytest

from authz.setting_slack import SlackRoom
from tests.unit.settings.test_channels import described
from tests.unit.settings.test_settings import load, problems

ROOM = {
    "kind": "slack",
    "team": "T0HOLDGATE",
    "channel": "C0APPROVALS",
    "bot_token": "xoxb-s3cret",
    "app_token": "xapp-s3cret",
}


def test_it_has_one_app_and_one_way_in_and_keeps_its_secrets() -> None:
    found = load(channels=described(**ROOM)).channels["room"]
    assert isinstance(found, SlackRoom)
    assert found.api_url == "https://slack.com/api/"
    assert "s3cret" not in repr(found)
    signed = {**ROOM, "app_token": "", "signing_secret": "s3cret"}
    assert "s3cret" not in repr(load(channels=described(**signed)).channels["room"])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"team": "holdgate"}, "room.team"),
        ({"channel": "#approvals"}, "room.channel"),
        ({"channel": "D0PRIVATE"}, "room.channel"),
        ({"bot_token": "xapp-s3cret"}, "must be the Bot User OAuth Token, which begins with xoxb-"),
        ({"bot_token": "xoxb-s3cret\r\nx: y"}, "begins with xoxb-"),
        ({"app_token": "xoxb-s3cret"}, "must be an app-level token, which begins with xapp-"),
        ({"app_token": ""}, "give app_token (Socket Mode) or signing_secret (HTTP), and not both"),
        ({"signing_secret": "s3cret"}, "and not both"),
        ({"api_url": "http://slack.com/api/"}, "must be https"),
        ({"colour": "red"}, "room.colour"),
    ],
)
def test_what_cannot_work_is_refused_without_a_secret(fields: dict[str, str], why: str) -> None:
    [problem] = problems(channels=described(**{**ROOM, **fields}))
    assert why in problem
    assert "s3cret" not in problem
