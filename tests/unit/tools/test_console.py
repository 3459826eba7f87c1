"""What somebody sees while the set-up works."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tools import console
from tools.console import SetupError, run


def test_a_long_step_shows_a_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends as soon as the sign was given, and never without one."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    said: list[str] = []

    def say(step: str, text: str) -> None:
        if not said:
            gate.write_text("go on\n", "utf-8")
        said.append(f"{step}: {text}")

    monkeypatch.setattr(console, "STILL_AT_IT_S", 0.05)
    monkeypatch.setattr(console, "say", say)
    run("opa", ["cat", gate], cwd=tmp_path)
    assert re.fullmatch(r"opa: still at it \(\d+ s\)", said[0])


def test_a_step_that_fails_is_told_with_its_status_and_last_lines(tmp_path: Path) -> None:
    script = "for n in $(seq 30); do echo line $n; done; echo why >&2; exit 7"
    with pytest.raises(SetupError) as failed:
        run("opa", ["sh", "-c", script], cwd=tmp_path)
    first, *lines = str(failed.value).splitlines()
    assert first.endswith("ended with status 7:")
    assert lines == [*(f"line {number}" for number in range(12, 31)), "why"]


def test_a_step_that_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    monkeypatch.setattr(console, "STILL_AT_IT_S", 0.05)
    monkeypatch.setattr(console, "LIMIT_S", 0)
    with pytest.raises(SetupError, match=r"`cat .*` was stopped: not done after \d+ s\."):
        run("opa", ["cat", gate], cwd=tmp_path)


def test_what_a_step_prints_is_kept_back_when_all_goes_well(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run("opa", ["sh", "-c", "echo $WORD; echo more >&2"], cwd=tmp_path, env={"WORD": "chatter"})
    assert capfd.readouterr() == ("", "")
