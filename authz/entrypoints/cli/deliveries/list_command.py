"""`holdgate deliveries list`."""

from __future__ import annotations

import click

from authz.entrypoints.cli.deliveries.source import Source, every_page, sourced
from authz.entrypoints.cli.tickets.connection import json_option

LIMIT = 50
LIMIT_MAX = 100_000


@click.command("list", short_help="List dead letters, newest first.")
@sourced
@click.option("--channel", default="", metavar="NAME", help="Only those that this channel failed.")
@click.option(
    "--limit", type=click.IntRange(1, LIMIT_MAX), default=LIMIT, show_default=True, help="Look at how many."
)
@json_option("Print one protobuf-JSON ListDeadLettersResponse.")
def list_letters(source: Source, channel: str, limit: int, *, as_json: bool) -> None:
    """List notices that were given up, newest first: somebody was not told."""
    from authz.entrypoints.cli.deliveries import letter_text  # noqa: PLC0415 - not needed for help
    from authz.entrypoints.cli.tickets import json_text  # noqa: PLC0415 - as above
    from authz.wire.holdgate.v1 import deliveries_pb2 as wire  # noqa: PLC0415 - as above

    with source.letters() as letters:
        found = [one for one in every_page(letters, limit) if not channel or channel in one.channels]
    if as_json:
        click.echo(json_text.document(wire.ListDeadLettersResponse(letters=found)))
    elif found:
        click.echo(letter_text.table(found))
    else:
        click.echo("No dead letters.", err=True)
