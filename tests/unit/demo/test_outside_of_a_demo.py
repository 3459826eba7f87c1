"""What is the demo's alone, and what each server does, demo or not."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from authz.domain.errors import SettingsInvalid
from authz.entrypoints import serving
from authz.entrypoints.console.site import Site
from authz.entrypoints.demo.context import DemoContext
from authz.entrypoints.demo.gate import VARIABLE, DemoGate
from authz.entrypoints.demo.people import SamplePerson
from authz.entrypoints.demo.signing import SigningKey
from authz.settings import Settings
from authz.settings_loader import load_settings


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where it served: the module of each event loop, instead of serving."""
    seen: list[str] = []

    async def serve(parts: frozenset[str], settings: Settings) -> None:  # noqa: ARG001 - one signature
        seen.append(type(asyncio.get_running_loop()).__module__)

    monkeypatch.setattr(serving, "_serve", serve)
    monkeypatch.setattr(serving, "configure_logs", lambda _: None)
    for name in [name for name in os.environ if name.startswith("HOLDGATE_")]:
        monkeypatch.delenv(name)
    return seen


def test_it_serves_on_uvloop(loops: list[str]) -> None:
    assert serving.run(frozenset({serving.CHECK})) == 0
    assert loops == ["uvloop"]


def test_outside_of_a_demo_there_is_no_management_api(
    loops: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not tell callers apart, so the server doesn't start with it."""
    monkeypatch.setenv("HOLDGATE_MANAGEMENT_LISTEN", "127.0.0.1:9090")
    with pytest.raises(SettingsInvalid) as refused:
        serving.run(frozenset({serving.CONSOLE}))
    (problem,) = refused.value.problems
    assert problem.startswith("HOLDGATE_MANAGEMENT_LISTEN: only the demo can tell callers apart so far")
    assert loops == []


def test_in_a_demo_there_is_one(loops: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDGATE_MANAGEMENT_LISTEN", "127.0.0.1:9090")
    monkeypatch.setenv(VARIABLE, "/a/run/context.json")
    assert serving.run(frozenset({serving.CONSOLE})) == 0
    assert loops == ["uvloop"]


@pytest.fixture
def child() -> Iterator[int]:
    """The process id of a child, as the demo's servers are children of the demo."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process.pid
        assert process.stdin is not None
        process.stdin.close()


def context(folder: Path, redis: int, opa: int) -> Path:
    """Write what a demo tells Holdgate about its run."""
    written = DemoContext(
        sign_in_key="k" * 32,
        console="http://127.0.0.1:8088",
        demo_pid=os.getpid(),
        redis_pid=redis,
        opa_pid=opa,
        people=(SamplePerson("alice", "Alice", "alice", ("admin",)),),
        jwks=SigningKey.new().jwks(),
    )
    path = folder / "context.json"
    path.write_text(written.to_json(), encoding="utf-8")
    return path


def gate(path: Path, **settings: str) -> DemoGate:
    site = Site(settings.pop("public_url", "http://127.0.0.1:8088"))
    return DemoGate(
        path, load_settings({f"HOLDGATE_{name.upper()}": value for name, value in settings.items()}), site
    )


def test_the_runs_own_servers_open_the_picker(child: int, tmp_path: Path) -> None:
    assert gate(context(tmp_path, child, child)).sign_in.guard.redis.pid == child


@pytest.mark.parametrize("whose", ["redis", "opa"])
def test_other_peoples_servers_do_not(whose: str, child: int, tmp_path: Path) -> None:
    """A file that was copied, or that is left of an earlier run, makes no demo of a server."""
    servers = {"redis": child, "opa": child, whose: os.getppid()}
    with pytest.raises(SettingsInvalid, match=r"was not started by this run"):
        gate(context(tmp_path, servers["redis"], servers["opa"]))


@pytest.mark.parametrize(
    "settings",
    [
        {"redis_url": "redis://redis.example:6379"},
        {"opa_url": "http://opa.example:8181"},
        {"public_url": "https://holdgate.example"},
    ],
)
def test_nor_do_servers_or_names_of_other_machines(
    settings: dict[str, str], child: int, tmp_path: Path
) -> None:
    with pytest.raises(SettingsInvalid, match="demo sign-in is refused"):
        gate(context(tmp_path, child, child), **settings)


@pytest.mark.parametrize("missing", ["redis_pid", "opa_pid", "sign_in_key", "people", "jwks", "issuer"])
def test_a_file_that_says_too_little_opens_nothing(missing: str, child: int, tmp_path: Path) -> None:
    path = context(tmp_path, child, child)
    told = json.loads(path.read_text(encoding="utf-8"))
    del told[missing]
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(SettingsInvalid, match="was not written by a running demo: KeyError"):
        gate(path)
