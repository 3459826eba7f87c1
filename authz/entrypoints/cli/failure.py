"""How a command ends that can't do what was asked: sentences on stderr, an exit code, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import IO, Any

import click

from authz.domain.errors import SettingsInvalid


class ExitCode(IntEnum):
    """What scripts may rely on; docs/cli.md says the same."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNAVAILABLE = 4
    INTERRUPTED = 130


class CommandFailed(click.ClickException):
    """Ends a command with an exit code, and with sentences that are printed one a line."""

    def __init__(self, sentences: str | Sequence[str], code: ExitCode) -> None:
        self.sentences = (sentences,) if isinstance(sentences, str) else tuple(sentences)
        super().__init__("\n".join(self.sentences))
        self.code = code

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # click reads it and never sets it
        """The code as click wants it."""
        return int(self.code)

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentences to stderr."""
        for sentence in self.sentences:
            click.echo(f"holdgate: {sentence}", file=file, err=file is None)


@contextmanager
def bad_settings_named() -> Iterator[None]:
    """End the command with every problem of the configuration, one a line."""
    try:
        yield
    except SettingsInvalid as error:
        raise CommandFailed(error.problems, ExitCode.USAGE) from error
