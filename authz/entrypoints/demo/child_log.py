"""What a child writes, kept in a file of bounded size."""

from __future__ import annotations

import asyncio
from pathlib import Path

_CHUNK = 64 * 1024
_TAIL_BYTES = 16 * 1024


class ChildLog:
    """Copies a stream into `path`: at most `limit` bytes there, and as many before them in `path`.1."""

    def __init__(self, path: Path, limit: int = 4 * 1024 * 1024) -> None:
        self.path = path
        self._limit = limit
        self._tail = b""

    async def copy(self, stream: asyncio.StreamReader) -> None:
        """Copy until the stream ends."""
        size = 0
        file = self.path.open("wb", buffering=0)
        try:
            while chunk := await stream.read(_CHUNK):
                if size + len(chunk) > self._limit:
                    file.close()
                    self.path.replace(self.path.with_name(self.path.name + ".1"))
                    file = self.path.open("wb", buffering=0)
                    size = 0
                size += file.write(chunk[-self._limit :])
                self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        finally:
            file.close()

    def last_lines(self, count: int = 12, width: int = 240) -> list[str]:
        """Return the last lines, printable and cut to `width` characters."""
        text = self._tail.decode("utf-8", "replace")
        lines = ["".join(mark if mark.isprintable() else " " for mark in line) for line in text.splitlines()]
        last = [line for line in lines if line.strip()][-count:]
        return [line if len(line) <= width else line[: width - 1] + "…" for line in last]
