"""What is told at the start of a token that isn't good, or of another workspace."""

from __future__ import annotations

import pytest

from authz.adapters.slack.web import SlackWeb
from authz.entrypoints.chat.slack_check import check_workspace
from tests.integration.slack.world import World
from tests.support.slack_state import FOREIGN_TEAM, TEAM, Refused


async def told(web: SlackWeb, team: str, capsys: pytest.CaptureFixture[str]) -> str:
    await check_workspace(web, team)
    captured = capsys.readouterr()
    return captured.out + captured.err


async def test_a_good_token_of_the_right_workspace_is_nothing_to_tell(
    room: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await told(room.web, TEAM, capsys) == ""


async def test_another_workspace_is_told_with_what_to_do(
    room: World, capsys: pytest.CaptureFixture[str]
) -> None:
    said = await told(room.web, FOREIGN_TEAM, capsys)
    assert "slack.other_workspace" in said
    assert TEAM in said


async def test_a_token_that_slack_refuses_is_told_by_slacks_word(
    room: World, capsys: pytest.CaptureFixture[str]
) -> None:
    room.slack.failing["auth.test"].append(Refused("token_revoked"))
    said = await told(room.web, TEAM, capsys)
    assert "slack.not_checked" in said
    assert "token_revoked" in said
