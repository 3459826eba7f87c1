"""Listening sockets for the web servers of a process, bound before anything depends on them."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from authz.domain.errors import SettingsInvalid

_BACKLOG = 128


def listening_socket(address: str, setting: str) -> socket.socket:
    """Listen on HOST:PORT, [IPV6]:PORT or unix:/path. `setting` is named when that can't be done.

    Raises SettingsInvalid.
    """
    try:
        if address.startswith("unix:"):
            return _unix(Path(address.removeprefix("unix:")))
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        found = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=_BACKLOG)
    except (OSError, ValueError, OverflowError) as error:
        raise SettingsInvalid([f"{setting}: can't listen on {address}: {error}"]) from error
    found.setblocking(False)  # noqa: FBT003 - the library takes it by position
    return found


def remove_forsaken(path: Path) -> None:
    """Remove the socket of a process that was killed, which would keep this one from starting for ever.

    Raises OSError (EADDRINUSE) where something else is: a server at work, or a file.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode) or _answers(path):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        path.unlink()


def _unix(path: Path) -> socket.socket:
    remove_forsaken(path)
    found = socket.socket(socket.AF_UNIX)
    try:
        found.bind(str(path))
        path.chmod(0o600)
        found.listen(_BACKLOG)
    except OSError:
        found.close()
        raise
    found.setblocking(False)  # noqa: FBT003 - the library takes it by position
    return found


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
