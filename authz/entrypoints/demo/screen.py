"""How the demo speaks: plain lines, with a little colour on a terminal."""

from __future__ import annotations

import os
import sys
from typing import Literal

import click

from authz.entrypoints.demo.expectation import Mismatch

Tone = Literal["plain", "strong", "quiet", "good", "bad"]

_STYLES: dict[Tone, dict[str, object]] = {
    "plain": {},
    "strong": {"bold": True},
    "quiet": {"dim": True},
    "good": {"fg": "green"},
    "bad": {"fg": "red", "bold": True},
}
_INDENT = "    "
_WIDTH = 110
_FIRST_REFUSAL = 400


class Screen:
    """Prints to standard output. Colours are for terminals, unless NO_COLOR is set (https://no-color.org)."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def say(self, text: str = "", tone: Tone = "plain") -> None:
        """Print one or more lines, at once also into a pipe."""
        styled = click.style(text, **_STYLES[tone]) if self._coloured and tone != "plain" else text  # type: ignore[arg-type]
        click.echo(styled, color=self._coloured)

    def complain(self, text: str) -> None:
        """Print to standard error."""
        coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        click.echo(click.style(text, fg="red") if coloured else text, err=True, color=coloured)

    def step(self, number: int, title: str) -> None:
        """Begin a step of the walk."""
        self.say()
        self.say(f"{number:2}. {title}", "strong")

    def typed(self, command: str) -> None:
        """Show what is done, as one would type it."""
        self.say(f"{_INDENT}$ {command}", "quiet")

    def told(self, sentence: str) -> None:
        """Show what somebody does who doesn't type."""
        self.say(f"{_INDENT}> {sentence}", "quiet")

    def status(self, code: int, phrase: str) -> None:
        """Show the status of an answer."""
        self.say(f"{_INDENT}{code} {phrase}", "good" if code < _FIRST_REFUSAL else "plain")

    def shown(self, text: str) -> None:
        """Show a line of an answer, cut where it would not fit."""
        self.say(_INDENT + (text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"))

    def failed(self, mismatch: Mismatch) -> None:
        """Show what was expected and what came instead."""
        self.say(f"{_INDENT}wrong {mismatch.what}", "bad")
        self.say(f"{_INDENT}  expected: {mismatch.expected}", "bad")
        self.say(f"{_INDENT}  got:      {mismatch.got}", "bad")
