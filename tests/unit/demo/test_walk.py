from __future__ import annotations

from typing import cast

import httpx
import pytest

from authz.entrypoints.demo.expectation import Answer, Mismatch, expect
from authz.entrypoints.demo.scene import Scene
from authz.entrypoints.demo.screen import Screen
from authz.entrypoints.demo.story import Step
from authz.entrypoints.demo.walk import walk


class Stage:
    """All of a scene that the walk itself uses."""

    def __init__(self) -> None:
        self.screen = Screen()
        self.taken: list[str] = []


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def good(scene: Scene) -> None:
    cast("Stage", scene).taken.append("good")


async def bad(_: Scene) -> None:
    expect("status", 202, 200)


async def silent(_: Scene) -> None:
    raise httpx.ReadTimeout("too late")


async def test_a_walk_without_surprises_is_good(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert await walk(cast("Scene", stage), [Step("One.", good), Step("Two.", good)])
    said = capsys.readouterr().out
    assert (
        said.index(" 1. One.") < said.index(" 2. Two.") < said.index("All 2 steps answered as they should.")
    )


async def test_a_surprise_is_told_and_ends_the_walk(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert not await walk(cast("Scene", stage), [Step("One.", bad), Step("Two.", good)])
    said = capsys.readouterr().out
    assert "wrong status" in said
    assert "expected: 202" in said
    assert "got:      200" in said
    assert "Step 1 of 2 went wrong; 1 more were not tried." in said
    assert stage.taken == []


async def test_no_answer_is_a_surprise(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert not await walk(cast("Scene", stage), [Step("One.", silent)])
    assert "ReadTimeout too late" in capsys.readouterr().out


def answer(status: int, text: str = "", **headers: str) -> Answer:
    return Answer.of(httpx.Response(status, text=text, headers=headers))


def test_every_demand_on_an_answer_can_fail() -> None:
    got = answer(200, '{"state": "pending", "id": ""}')
    got.expect_status(200)
    got.expect_members(state="pending")
    with pytest.raises(Mismatch, match="status: expected 202, got '200 "):
        got.expect_status(202)
    with pytest.raises(Mismatch, match="approved"):
        got.expect_members(state="approved")
    with pytest.raises(Mismatch, match="absent"):
        got.expect_members(token="t")
    with pytest.raises(Mismatch, match="header x-approval-ticket"):
        got.header("x-approval-ticket")
    with pytest.raises(Mismatch, match="member id"):
        got.member("id")
    with pytest.raises(Mismatch, match="upstream"):
        got.received()


def test_a_body_that_is_no_object_has_no_members() -> None:
    assert answer(200, "[1]").members == {}
    assert answer(503, "no healthy upstream").members == {}
