"""Shows on stderr what is waited for: a line that lives in a terminal, lines elsewhere."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

from authz.entrypoints.cli.call.waiting_text import held_lines, live, standing
from holdgate_client import Hold

_CLEAR = "\r\x1b[2K"


class Progress:
    """What the caller sees while a request waits. Nothing at all when it is quiet."""

    def __init__(self, stream: TextIO, *, quiet: bool) -> None:
        self._stream = stream
        self._quiet = quiet
        self._terminal = stream.isatty()
        self._since = time.monotonic()
        self._drawn = False
        self.hold: Hold | None = None

    def hear(self, hold: Hold) -> None:
        """Take in what is heard of the hold."""
        before, self.hold = self.hold, hold
        if before is None or before.id != hold.id:
            if before is not None:
                self._say("another ticket took its place")
            for line in held_lines(hold):
                self._say(line)
        if self._terminal and hold.state == "pending":
            self.draw()
        else:
            self._say(standing(hold))

    def draw(self) -> None:
        """Draw the line anew, with the time that has passed."""
        if self.hold is None or self._quiet or not self._terminal or self.hold.state != "pending":
            return
        columns = shutil.get_terminal_size().columns
        self._stream.write(_CLEAR + live(self.hold, time.monotonic() - self._since, columns))
        self._stream.flush()
        self._drawn = True

    def clear(self) -> None:
        """Take the line away, before anything else is printed."""
        if self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._drawn = False

    def _say(self, line: str) -> None:
        if not self._quiet:
            self.clear()
            self._stream.write(f"holdgate: {line}\n")
            self._stream.flush()
