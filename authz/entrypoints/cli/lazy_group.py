"""A click group whose subcommands are imported when they are called, not when help is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import click


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command is (`package.module:attribute`), and its line in the group's help."""

    target: str
    help: str

    def load(self) -> click.Command:
        """Import and return it."""
        module, _, attribute = self.target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            msg = f"{self.target} is no click command"
            raise TypeError(msg)
        return command


class LazyGroup(click.Group):
    """Knows its subcommands by name and help line alone."""

    def __init__(
        self,
        name: str | None = None,
        *,
        lazy: Mapping[str, LazyCommand],
        help: str | None = None,  # noqa: A002 - click's name for it
    ) -> None:
        """Take the subcommands in the order in which help lists them."""
        super().__init__(name, help=help)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order given."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import the subcommand; None when there is none of this name."""
        found = self.lazy.get(cmd_name)
        return found.load() if found else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List the subcommands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in self.lazy.items()])
