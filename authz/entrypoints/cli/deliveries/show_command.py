"""`holdgate deliveries show`."""

from __future__ import annotations

import click

from authz.entrypoints.cli.deliveries.source import Source, sourced
from authz.entrypoints.cli.tickets.connection import json_option


@click.command(short_help="Show what each channel answered for a ticket.")
@sourced
@click.argument("ticket_id", metavar="TICKET")
@json_option("Print one protobuf-JSON ListAnswersResponse.")
def show(source: Source, ticket_id: str, *, as_json: bool) -> None:
    """Show what each channel answered to the notices of a ticket, and what failed last."""
    from authz.entrypoints.cli.deliveries import letter_text  # noqa: PLC0415 - not needed for help
    from authz.entrypoints.cli.tickets import json_text  # noqa: PLC0415 - as above
    from authz.wire.holdgate.v1 import deliveries_pb2 as wire  # noqa: PLC0415 - as above

    with source.letters() as letters:
        found = letters.answers(ticket_id)
    if as_json:
        click.echo(json_text.document(wire.ListAnswersResponse(answers=found)))
    elif found:
        click.echo(letter_text.answers(found))
    else:
        click.echo("No channel has answered anything for this ticket, or it is no longer kept.", err=True)
