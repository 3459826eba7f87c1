"""Which OPA the set-up takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import opa
from tools.console import SetupError


@pytest.fixture(autouse=True)
def _nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPA_BIN", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    monkeypatch.setattr(opa, "BUILT", tmp_path / "built" / "opa")


def _opa(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'Version: {version}'\n", "utf-8")
    path.chmod(0o755)
    return path


def test_the_variable_wins_over_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _opa(tmp_path / "bin" / "opa", "1.2.0")
    named = _opa(tmp_path / "my-opa", "1.9.0")
    monkeypatch.setenv("OPA_BIN", str(named))

    assert opa.find() == named


def test_a_variable_that_names_no_opa_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPA_BIN", "/no/such/opa")

    with pytest.raises(SetupError, match="OPA_BIN=/no/such/opa"):
        opa.find()


def test_the_path_wins_over_the_built_one(tmp_path: Path) -> None:
    _opa(opa.BUILT, opa.BUILD_VERSION)
    on_path = _opa(tmp_path / "bin" / "opa", "1.2.0")

    assert opa.find() == on_path


def test_one_of_the_old_language_is_passed_over(tmp_path: Path) -> None:
    built = _opa(opa.BUILT, opa.BUILD_VERSION)
    _opa(tmp_path / "bin" / "opa", "0.70.0")

    assert opa.find() == built


def test_one_built_from_another_version_is_built_again() -> None:
    _opa(opa.BUILT, "1.0.0")

    assert opa.find() is None


def test_without_go_it_says_how_to_get_one(tmp_path: Path) -> None:
    assert os.environ["PATH"] == str(tmp_path / "bin")

    with pytest.raises(SetupError, match="OPA_BIN=/path/to/opa"):
        opa.prepare()
