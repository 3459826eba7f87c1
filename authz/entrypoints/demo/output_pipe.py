"""The pipe that a child writes its output into.

Not asyncio's own (`stdout=PIPE`): with that, `Process.wait` returns only when the pipe is closed, too, and a
grandchild that inherited it keeps it open, so that the death of the child itself would go unnoticed.
"""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Self


class OutputPipe:
    """Open it with `async with`, hand `writing` to the child, and read from `reader`.

    Leaving the block closes our copy of the writing end; the reading end stays open until `close`.
    """

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()
        self._reading, self.writing = os.pipe()

    async def __aenter__(self) -> Self:
        """Begin to read."""
        file = os.fdopen(self._reading, "rb", buffering=0)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self.reader), file
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the writing end, and the reading one as well when there is no child to read from."""
        os.close(self.writing)
        if error is not None:
            self.close()

    def close(self) -> None:
        """Stop reading."""
        self._transport.close()
