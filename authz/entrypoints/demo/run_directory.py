"""`.run/`: the demo's state of one run, readable by nobody else."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from authz.entrypoints.demo.errors import DemoRefused

_LOCK_PATIENCE = (
    0.5  # seconds; `holdgate demo token` holds the lock for an instant, to see whether a demo runs
)
_LOCK_POLL = 0.02
_MAX_SOCKET_PATH = 103  # sun_path with its final NUL is 104 bytes on macOS, 108 on Linux


def checkout() -> Path:
    """Return the directory that the package lies in: of a checkout, the one with the policies."""
    return Path(__file__).parents[3]


def run_directory(environ: Mapping[str, str]) -> RunDirectory:
    """Return the directory named by RUN_DIR, else `.run` of the checkout, else `.run` here."""
    if environ.get("RUN_DIR"):
        return RunDirectory(Path(environ["RUN_DIR"]).absolute())
    home = checkout()
    return RunDirectory((home if (home / "policies").is_dir() else Path.cwd()) / ".run")


class RunDirectory:
    """The files of one run below `root`, an absolute path."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "logs"
        self.sockets = root / "sockets"
        self.redis = root / "redis"
        self.redis_socket = self.sockets / "redis.sock"
        self.upstream_socket = self.sockets / "upstream.sock"
        self.management_socket = self.sockets / "management.sock"
        self.envoy_config = root / "envoy.json"
        self.jwks = root / "jwks.json"
        self.signing_key = root / "signing-key.json"
        self.context = root / "context.json"
        self.lock = root / "lock"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Own the directory and start it empty; what is secret is removed at the end, the logs stay.

        The lock is the kernel's (flock), so it ends with this process however that ends, and isn't inherited.
        Raises DemoRefused when another demo owns it, or when it can't be made private.
        """
        self._make_private()
        descriptor = self._locked()
        try:
            self._clear()
            for folder in (self.logs, self.sockets, self.redis):
                folder.mkdir(mode=0o700)
            yield
        finally:
            self._remove_secrets()
            # While still locked: who waits for it finds no file and makes a new one.
            self.lock.unlink(missing_ok=True)
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether a demo runs in it now."""
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def already_held(self) -> str:
        """Return the sentence for somebody who wants to start a second demo here."""
        return f"a demo runs in {self.root} already; stop it, or set RUN_DIR and other ports for a second one"

    def write_private(self, path: Path, content: str) -> None:
        """Create a file that only this account can read. Raises FileExistsError for one that is there."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)

    def _make_private(self) -> None:
        with suppress(FileExistsError):
            self.root.mkdir(mode=0o700, parents=True)
        found = self.root.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise DemoRefused(
                f"{self.root} is not a directory of this account; remove it, or set RUN_DIR to another"
            )
        self.root.chmod(0o700)
        longest = os.fsencode(self.management_socket)
        if len(longest) > _MAX_SOCKET_PATH:
            raise DemoRefused(
                f"{self.root} is too long a path: a unix socket in it would need {len(longest)} bytes, "
                f"and {_MAX_SOCKET_PATH} is the limit; set RUN_DIR to a shorter one"
            )

    def _locked(self) -> int:
        deadline = time.monotonic() + _LOCK_PATIENCE
        while True:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                if time.monotonic() > deadline:
                    raise DemoRefused(self.already_held()) from None
                time.sleep(_LOCK_POLL)
                continue
            if self._is_the_lock(descriptor):
                return descriptor
            os.close(descriptor)

    def _is_the_lock(self, descriptor: int) -> bool:
        """Whether the locked file is still the one at the path, not one that its last owner just removed."""
        try:
            current = self.lock.lstat()
        except FileNotFoundError:
            return False
        mine = os.fstat(descriptor)
        return (mine.st_dev, mine.st_ino) == (current.st_dev, current.st_ino)

    def _clear(self) -> None:
        for folder in (self.logs, self.sockets, self.redis):
            if folder.is_symlink():
                folder.unlink()
            elif folder.exists():
                shutil.rmtree(folder)
        for path in (self.envoy_config, self.jwks):
            path.unlink(missing_ok=True)
        self._remove_secrets()

    def _remove_secrets(self) -> None:
        for path in (self.signing_key, self.context):
            path.unlink(missing_ok=True)
