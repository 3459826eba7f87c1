"""Everything that one process does in Teams goes through one connector, whose pace and token are the bot's."""

from __future__ import annotations

import json

import pytest

from authz.adapters.bot_framework.connector import Connector
from authz.adapters.teams_bot.poster import TeamsPoster
from authz.bootstrap import open_outside
from authz.bootstrap.channels import channels
from authz.bootstrap.teams_bot import open_teams
from tests.unit.settings.test_settings import load
from tests.unit.settings.test_teams_bot import BOT

OTHER = "19:other@thread.tacv2"


@pytest.mark.parametrize("guarded", [True, False])
async def test_all_channels_and_the_console_share_it(
    monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    made: list[Connector] = []
    given: list[object] = []

    class Counted(Connector):
        def __init__(self, *args: object, **named: object) -> None:
            made.append(self)
            super().__init__(*args, **named)  # type: ignore[arg-type]

    class Poster(TeamsPoster):
        def __init__(self, wire: object, *args: object) -> None:
            given.append(wire)
            super().__init__(wire, *args)  # type: ignore[arg-type]

    monkeypatch.setattr("authz.bootstrap.teams_connector.Connector", Counted)
    monkeypatch.setattr("authz.bootstrap.teams_bot.TeamsPoster", Poster)
    settings = load(channels=json.dumps({"one": dict(BOT), "other": {**BOT, "post_to": [OTHER]}}))
    async with open_outside(settings) as outside:
        if not guarded:  # what forgets makes another one each time
            monkeypatch.setattr(type(outside), "connectors", property(lambda _self: {}))
        channels(settings, outside)
        async with open_teams(settings, outside) as teams:
            assert teams is not None
            given.append(teams.connector)
    assert len(given) == 5
    assert ({id(wire) for wire in given} == {id(made[0])}) is guarded
    assert (len(made) == 1) is guarded


async def test_two_processes_have_two() -> None:
    settings = load(channels=json.dumps({"one": dict(BOT)}))
    found = []
    for _ in range(2):
        async with open_outside(settings) as outside, open_teams(settings, outside) as teams:
            assert teams is not None
            found.append(teams.connector)
    assert found[0] is not found[1]
