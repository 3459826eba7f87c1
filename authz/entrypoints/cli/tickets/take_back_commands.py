"""`holdgate tickets withdraw`, `cancel` and `revoke`: what takes something back needs no look at the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from authz.entrypoints.cli.tickets.connection import Connection, connected, json_option

if TYPE_CHECKING:
    from authz.wire.holdgate.v1 import approvals_pb2 as wire

_JSON_HELP = "Print the Ticket afterwards as protobuf-JSON."


@click.command(short_help="Take your own vote back.")
@connected
@click.argument("ticket_id", metavar="ID")
@json_option(_JSON_HELP)
def withdraw(connection: Connection, ticket_id: str, *, as_json: bool) -> None:
    """Take your own vote back, while the ticket waits. You may vote again afterwards."""
    with connection.client() as client:
        after = client.withdraw(ticket_id)
    _print(after, as_json=as_json)


@click.command(short_help="Take your own request back.")
@connected
@click.argument("ticket_id", metavar="ID")
@click.option("--comment", default="", help="Why; for the approvers and the record.")
@json_option(_JSON_HELP)
def cancel(connection: Connection, ticket_id: str, comment: str, *, as_json: bool) -> None:
    """Take your own request back before anybody has decided it. That ends the ticket."""
    with connection.client() as client:
        after = client.cancel(ticket_id, comment)
    _print(after, as_json=as_json)


@click.command(short_help="Take an approval back before it is used up.")
@connected
@click.argument("ticket_id", metavar="ID")
@click.option("--comment", required=True, help="Why; the requester will read it.")
@json_option(_JSON_HELP)
def revoke(connection: Connection, ticket_id: str, comment: str, *, as_json: bool) -> None:
    """Take an approval back before it is used up. That ends the ticket; what ran already is not undone.

    Whoever may approve may do it, and the requester.
    """
    with connection.client() as client:
        after = client.revoke(ticket_id, comment)
    _print(after, as_json=as_json)


def _print(ticket: wire.Ticket, *, as_json: bool) -> None:
    from authz.entrypoints.cli.tickets import json_text, ticket_text  # noqa: PLC0415 - not needed for help

    if as_json:
        click.echo(json_text.document(ticket))
    else:
        click.echo(f"{ticket_text.raw(ticket.id)}: {ticket_text.standing(ticket)}")
