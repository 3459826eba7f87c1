"""`holdgate tickets show`."""

from __future__ import annotations

import click

from authz.entrypoints.cli.tickets.connection import Connection, connected, json_option


@click.command(short_help="Show one ticket, with all that it is bound to.")
@connected
@click.argument("ticket_id", metavar="ID")
@json_option("Print the Ticket as protobuf-JSON.")
def show(connection: Connection, ticket_id: str, *, as_json: bool) -> None:
    """Show one ticket, with all that it is bound to."""
    from authz.entrypoints.cli.tickets import json_text, ticket_text  # noqa: PLC0415 - not needed for help

    with connection.client() as client:
        ticket = client.get(ticket_id)
    click.echo(json_text.document(ticket) if as_json else ticket_text.details(ticket))
