"""`holdgate deliveries replay`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from authz.entrypoints.cli.deliveries.list_command import LIMIT_MAX
from authz.entrypoints.cli.deliveries.source import Source, every_page, sourced
from authz.entrypoints.cli.failure import CommandFailed, ExitCode


@click.command(short_help="Send dead letters again.")
@sourced
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that can be read, the oldest first.")
@click.option(
    "--channel", default="", metavar="NAME", help="With --all: only those that this channel failed."
)
def replay(source: Source, ids: Sequence[str], channel: str, *, every: bool) -> None:
    """Send dead letters again: each is tried as often as a new notice.

    Channels that have accepted it are not told again. What is told is what is true by then: a ticket that was decided
    meanwhile is told of as decided.
    """
    from authz.entrypoints.cli.deliveries import letter_text  # noqa: PLC0415 - not needed for help

    if bool(ids) == every or (channel and not every):
        msg = "name dead letters by their ids, or say --all, with or without --channel"
        raise CommandFailed(msg, ExitCode.USAGE)
    with source.letters() as letters:
        if every:
            found = [
                one.id
                for one in every_page(letters, LIMIT_MAX)
                if one.replayable and (not channel or channel in one.channels)
            ]
            ids = found[::-1]
            if not ids:
                click.echo("No dead letters.", err=True)
        for identifier in ids:
            try:
                letter = letters.replay(identifier)
            except CommandFailed as error:
                # Of many, somebody else's may be one that they sent again a moment ago.
                if not (every and error.code is ExitCode.NOT_FOUND):
                    raise
                continue
            click.echo(letter_text.sent_again(letter))
