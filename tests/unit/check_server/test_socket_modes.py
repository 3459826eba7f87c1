"""Unix sockets of the web servers are for the server's own account, however careless its umask is."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from authz.entrypoints.listening import listening_socket

OTHERS = 0o077


@pytest.fixture
def path() -> Iterator[Path]:
    """A socket's path, shorter than pytest's are, in a process that leaves everything open to everybody."""
    before = os.umask(0)
    try:
        with tempfile.TemporaryDirectory(prefix="web-") as folder:
            yield Path(folder) / "web.sock"
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    with closing(listening_socket(f"unix:{path}", "HOLDGATE_CONSOLE_LISTEN")):
        return stat.S_IMODE(path.stat().st_mode)


def test_pages_metrics_and_probes_are_for_the_servers_account_alone(path: Path) -> None:
    assert not mode(path) & OTHERS


def test_nobody_can_connect_before_the_mode_is_set(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that is bound but doesn't listen refuses everybody."""
    refused = []

    def early(changed: Path, _mode: int) -> None:
        with socket.socket(socket.AF_UNIX) as caller, pytest.raises(ConnectionRefusedError):
            caller.connect(str(changed))
        refused.append(changed)

    monkeypatch.setattr(Path, "chmod", early)
    assert mode(path)
    assert refused == [path]


def test_control_unchanged_the_socket_would_be_everybodys(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "chmod", lambda _path, _mode: None)
    assert mode(path) & OTHERS
