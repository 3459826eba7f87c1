from __future__ import annotations

import json

import pytest
import yaml
from click.testing import CliRunner, Result

from authz.entrypoints.cli.main import cli


def _run(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, ["envoy-config", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_it_prints_a_bootstrap_as_yaml() -> None:
    config = yaml.safe_load(_run().stdout)
    assert set(config) >= {"admin", "static_resources"}


def test_both_formats_say_the_same() -> None:
    assert json.loads(_run("--format", "json").stdout) == yaml.safe_load(_run("--format", "yaml").stdout)


def test_a_fragment_is_no_bootstrap() -> None:
    assert "static_resources" not in yaml.safe_load(_run("--fragment").stdout)


def test_it_is_made_from_the_servers_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDGATE_BODY_LIMIT", "12345")
    assert "12345" in _run().stdout
    monkeypatch.setenv("HOLDGATE_BODY_LIMIT", "54321")
    assert "54321" in _run("--fragment").stdout
