from __future__ import annotations

import os
import signal

import pytest

from authz.entrypoints.demo.ports import refuse_taken
from tests.e2e.demo.running import SERVING, STOP_SECONDS, Place
from tests.e2e.demo.test_walk_once import assert_nothing_left
from tests.unit.demo.processes import gone_within

pytestmark = pytest.mark.timeout(150)


def test_ctrl_c_while_starting_ends_everything(place: Place) -> None:
    with place.demo() as demo:
        demo.until_said("Starting")
        demo.process.send_signal(signal.SIGINT)
        demo.note_children()
        code, took = demo.ended()
    assert code == 128 + signal.SIGINT
    assert took < STOP_SECONDS
    assert_nothing_left(place, demo)


def test_a_stop_while_serving_is_a_good_end(place: Place) -> None:
    with place.demo() as demo:
        demo.until_said(SERVING)
        assert len(demo.children) == 7, demo.children
        demo.process.send_signal(signal.SIGTERM)
        code, took = demo.ended()
    assert code == 0
    assert took < STOP_SECONDS
    assert_nothing_left(place, demo)


def test_a_childs_death_is_told_with_its_last_lines_and_ends_everything(place: Place) -> None:
    with place.demo() as demo:
        demo.until_said(SERVING)
        os.kill(demo.child("opa run"), signal.SIGKILL)
        code, took = demo.ended()
        told = demo.errors.read_text()
    assert code == 1
    assert took < STOP_SECONDS
    assert "opa was killed by signal 9; its last lines" in told
    assert '"level":"info"' in told
    assert_nothing_left(place, demo)


def test_a_killed_demo_leaves_nothing(place: Place) -> None:
    with place.demo() as demo:
        demo.until_said(SERVING)
        demo.process.kill()
        assert gone_within(demo.children, STOP_SECONDS), demo.children
    assert not list(place.run.sockets.iterdir())
    assert not place.run.is_held()
    refuse_taken(place.ports)
