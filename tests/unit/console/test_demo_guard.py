from __future__ import annotations

import os
import subprocess
import sys

import pytest

from authz.domain.errors import SettingsInvalid
from authz.entrypoints.console import demo_guard
from authz.entrypoints.console.demo_guard import DemoGuard, Helper, parent_of

REDIS, OPA = "redis://127.0.0.1:6379/0", "http://127.0.0.1:8181"


def guard_of(pid: int, redis: str = REDIS, opa: str = OPA) -> DemoGuard:
    return DemoGuard(Helper("Redis", pid, redis), Helper("OPA", pid, opa))


def test_children_of_this_process_pass(child_pid: int) -> None:
    assert guard_of(child_pid).redis.pid == child_pid


def test_children_of_the_process_that_started_this_one_pass(child_pid: int) -> None:
    """As in the demo: the supervisor starts Redis, OPA and Holdgate side by side."""
    code = (
        "import sys; from authz.entrypoints.console.demo_guard import DemoGuard, Helper;"
        "pid = int(sys.argv[1]);"
        f"DemoGuard(Helper('Redis', pid, {REDIS!r}), Helper('OPA', pid, {OPA!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(child_pid)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_grandchild_is_a_strangers_child() -> None:
    code = (
        "import subprocess, sys; c = subprocess.Popen(['cat'], stdin=0); print(c.pid, flush=True); c.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        pid = int(child.stdout.readline())
        with pytest.raises(SettingsInvalid) as refused:
            guard_of(pid)
        child.stdin.close()
    assert refused.value.problems == [
        f"demo sign-in is refused: {name} (process {pid}) was not started by this run "
        f"(its parent is {child.pid}); start the demo with `holdgate demo`"
        for name in ("Redis", "OPA")
    ]


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1])
def test_what_is_no_child_is_refused(pid: int) -> None:
    with pytest.raises(SettingsInvalid, match="was not started by this run"):
        guard_of(pid)


def test_this_process_is_not_its_own_redis() -> None:
    with pytest.raises(SettingsInvalid, match="was not started by this run"):
        guard_of(os.getpid())


def test_a_child_of_init_is_not_ours_though_we_are_one_too(
    child_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service manager starts Holdgate and a production Redis alike."""
    monkeypatch.setattr(os, "getppid", lambda: 1)
    monkeypatch.setattr(demo_guard, "parent_of", lambda _: 1)
    with pytest.raises(SettingsInvalid):
        guard_of(child_pid)
    monkeypatch.setattr(os, "getpid", lambda: 1)  # init itself, as in a container, has children of its own
    guard_of(child_pid)


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis.example:6379",
        "redis://10.0.0.1",
        "rediss://127.0.0.1",
        "",
        "redis://",
        "unix://host/path",
    ],
)
def test_a_redis_elsewhere_is_refused(child_pid: int, url: str) -> None:
    with pytest.raises(SettingsInvalid, match="Redis is at"):
        guard_of(child_pid, redis=url)


@pytest.mark.parametrize(
    "url", ["https://opa.example", "http://10.0.0.1:8181", "http://user@opa.example@127.0.0.1.example"]
)
def test_an_opa_elsewhere_is_refused(child_pid: int, url: str) -> None:
    with pytest.raises(SettingsInvalid, match="OPA is at"):
        guard_of(child_pid, opa=url)


@pytest.mark.parametrize("url", ["redis://localhost:6379", "redis://[::1]:6379/0", "unix:///run/redis.sock"])
def test_loopback_and_unix_sockets_pass(child_pid: int, url: str) -> None:
    guard_of(child_pid, redis=url, opa="unix:///run/opa.sock")


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        guard_of(0, redis="redis://redis.example", opa="http://opa.example")
    assert len(refused.value.problems) == 4


def test_ps_tells_the_parent(child_pid: int) -> None:
    assert parent_of(child_pid) == os.getpid()
    assert parent_of(2**22 + 1) is None
