"""The older Envoys that `make e2e` can take."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools import envoys, python_env
from tools.console import SetupError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the locks that get installed, as it happens."""
    names: list[str] = []

    def run(_step: str, argv: Sequence[str | Path], **_: object) -> None:
        if "sync" in argv:
            names.append(Path(argv[-1]).name)
            binary = Path(argv[argv.index("--python") + 1]).parents[1] / (
                "lib/python3.11/site-packages/envoy/_bin/envoy"
            )
            binary.parent.mkdir(parents=True)
            binary.touch()

    monkeypatch.setattr(python_env, "run", run)
    monkeypatch.setattr(python_env, "_envoy_wheel_runs", lambda: True)
    monkeypatch.setattr(python_env, "VENV", tmp_path / "venv")
    monkeypatch.setattr(python_env, "ASIDE", tmp_path)
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / ".made").touch()
    return names


@pytest.mark.parametrize("version", envoys.OLDER)
def test_a_version_is_installed_once_from_its_lock_and_found(
    version: str, installed: list[str], tmp_path: Path
) -> None:
    envoys.prepare(version)
    envoys.prepare(version)

    assert installed == [f"envoy-{version}.txt"]
    assert envoys.find(version).is_relative_to(tmp_path / f"envoy-{version}")


def test_each_version_has_a_place_of_its_own(installed: list[str]) -> None:
    for version in envoys.OLDER:
        envoys.prepare(version)

    assert len(installed) == len({envoys.find(version) for version in envoys.OLDER}) == len(envoys.OLDER)


def test_what_was_not_installed_is_not_found(installed: list[str]) -> None:
    with pytest.raises(SetupError, match=r"make e2e ENVOY=1\.37\.x"):
        envoys.find("1.37")
    assert not installed


def test_where_no_wheel_runs_nothing_is_installed(
    installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_env, "_envoy_wheel_runs", lambda: False)

    with pytest.raises(SetupError, match="ENVOY_BIN"):
        envoys.prepare("1.37")
    assert not installed


@pytest.mark.parametrize("arguments", [[], ["1.36"], ["newest"], ["1.37", "1.38"]])
def test_an_unknown_version_is_refused_with_the_known_ones(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tools.envoys", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (ended.returncode, ended.stderr) == (1, "usage: python -m tools.envoys 1.37|1.38\n")
