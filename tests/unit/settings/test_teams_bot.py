"""How a Teams bot is described, and which descriptions are refused before anything is served."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from authz.bootstrap.teams_bot import teams_bot
from authz.domain.errors import SettingsInvalid
from authz.setting_teams_bot import TeamsBot
from tests.unit.settings.test_settings import load, problems

ROOM = "19:abc_DEF-123@thread.tacv2"
LINK = (
    "https://teams.microsoft.com/l/channel/19%3Aabc_DEF-123%40thread.tacv2/Approvals"
    "?groupId=11111111-2222-4333-8444-555555555555&tenantId=72f988bf-0000-4000-8000-000000000001"
)
BOT: Mapping[str, object] = {
    "kind": "teams-bot",
    "app_id": "00000000-0000-0000-0000-0000000000a1",
    "tenant_id": "72F988BF-0000-4000-8000-000000000001",
    "app_secret": "s3cret~value",
    "post_to": [LINK],
}
HERE = {"console_listen": "127.0.0.1:8088", "public_url": "http://127.0.0.1:8088"}


def described(**changes: object) -> str:
    return json.dumps({"room": {**BOT, **changes}})


def loaded(**changes: object) -> TeamsBot:
    found = load(channels=described(**changes)).channels["room"]
    assert isinstance(found, TeamsBot)
    return found


@pytest.mark.parametrize(
    "written", [LINK, ROOM, LINK.replace("teams.microsoft.com", "teams.cloud.microsoft")]
)
def test_a_room_is_named_by_the_link_that_teams_copies_or_by_the_id_in_it(written: str) -> None:
    assert loaded(post_to=[written]).post_to == (ROOM,)


def test_a_group_chat_is_a_room_too() -> None:
    link = "https://teams.microsoft.com/l/chat/19:0a1b@thread.v2/conversations?context=x"
    assert loaded(post_to=[link]).post_to == ("19:0a1b@thread.v2",)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "General",
        "19:abc",
        "19:abc@thread.tacv2/../x",
        "https://teams.example/l/channel/19%3Aa%40thread.tacv2/x",
        "https://teams.microsoft.com/l/team/19%3Aa%40thread.tacv2/x",
        "https://hooks.example/s3cret",
    ],
)
def test_what_names_no_room_is_refused_without_being_told(written: str) -> None:
    """It may be another channel's secret address."""
    found = problems(channels=described(post_to=[written]))
    assert found[0].startswith("HOLDGATE_CHANNELS.room.post_to.0: must be a link to a channel or group chat")
    assert not written or all(written not in problem for problem in found)


def test_ids_are_kept_as_entra_spells_them_in_tokens() -> None:
    assert loaded().tenant_id == "72f988bf-0000-4000-8000-000000000001"


@pytest.mark.parametrize("name", ["app_id", "tenant_id"])
def test_a_name_is_no_id(name: str) -> None:
    [problem] = problems(channels=described(**{name: "contoso.onmicrosoft.com"}))
    assert f"room.{name}: must be an id as Entra shows it" in problem


def test_the_secret_is_needed_and_never_shown() -> None:
    assert "s3cret~value" not in repr(loaded())
    [problem] = problems(channels=described(app_secret=""))
    assert "app_secret is needed" in problem


@pytest.mark.parametrize("name", ["service_url", "login_url", "openid_url"])
def test_secrets_go_nowhere_unprotected(name: str) -> None:
    [problem] = problems(channels=described(**{name: "http://elsewhere.example/"}))
    assert f"room.{name}: must be https" in problem


def test_two_rooms_may_share_the_bot_and_two_bots_may_not_share_the_address() -> None:
    other = {**BOT, "post_to": ["19:other@thread.tacv2"]}
    both = load(channels=json.dumps({"room": BOT, "other": other}))
    assert teams_bot(both) is not None
    strange = {**other, "app_id": "00000000-0000-0000-0000-0000000000b2"}
    two = load(channels=json.dumps({"room": BOT, "other": strange}))
    with pytest.raises(SettingsInvalid, match="room and other are of kind teams-bot"):
        teams_bot(two)


def test_the_playground_is_for_a_trial_on_one_machine() -> None:
    bot = teams_bot(load(channels=described(playground=True, app_secret=""), **HERE))
    assert bot is not None
    assert bot.playground


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"oidc_issuer": "https://idp.example", "oidc_client_id": "holdgate"}, "HOLDGATE_OIDC_ISSUER is set"),
        ({"public_url": "https://holdgate.example"}, "HOLDGATE_PUBLIC_URL=https://holdgate.example"),
        ({"public_url": "http://holdgate.example"}, "HOLDGATE_PUBLIC_URL=http://holdgate.example"),
        ({"console_listen": "unix:/tmp/console.sock"}, "HOLDGATE_CONSOLE_LISTEN=unix:/tmp/console.sock"),
    ],
)
def test_a_production_configuration_refuses_the_playground_by_name(changes: dict[str, str], why: str) -> None:
    """Messages without a proof would decide in anybody's name."""
    settings = load(channels=described(playground=True), **{**HERE, **changes})
    with pytest.raises(SettingsInvalid) as refused:
        teams_bot(settings)
    assert "HOLDGATE_CHANNELS.room: playground takes messages without a proof" in str(refused.value)
    assert why in str(refused.value)
