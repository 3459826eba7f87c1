"""`holdgate tickets approve` and `reject`: nothing is decided that wasn't shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from authz.entrypoints.cli.tickets.assent import Assent, assenting
from authz.entrypoints.cli.tickets.connection import Connection, connected, json_option

if TYPE_CHECKING:
    from authz.wire.holdgate.v1 import approvals_pb2 as wire

_JSON_HELP = "Print the Ticket afterwards as protobuf-JSON."


@click.command(short_help="Approve a ticket after looking at it.")
@connected
@click.argument("ticket_id", metavar="ID")
@click.option("--comment", default="", help="For the requester and the record.")
@assenting
@json_option(_JSON_HELP)
def approve(connection: Connection, ticket_id: str, comment: str, assent: Assent, *, as_json: bool) -> None:
    """Approve a ticket after looking at it.

    What is being decided is shown, and the vote counts for exactly that. In a terminal you are asked;
    elsewhere --digest names what was looked at before, or --yes takes the ticket as it is.
    """
    after = _vote("APPROVE", connection, ticket_id, comment, assent)
    _print(after, as_json=as_json)


@click.command(short_help="Reject a ticket, saying why.")
@connected
@click.argument("ticket_id", metavar="ID")
@click.option("--comment", required=True, help="Why; the requester will read it.")
@assenting
@json_option(_JSON_HELP)
def reject(connection: Connection, ticket_id: str, comment: str, assent: Assent, *, as_json: bool) -> None:
    """Reject a ticket, saying why. One rejection ends it.

    What is being decided is shown, and the vote counts for exactly that. In a terminal you are asked;
    elsewhere --digest names what was looked at before, or --yes takes the ticket as it is.
    """
    after = _vote("REJECT", connection, ticket_id, comment, assent)
    _print(after, as_json=as_json)


def _vote(verb: str, connection: Connection, ticket_id: str, comment: str, assent: Assent) -> wire.Ticket:
    from authz.entrypoints.cli.tickets import ticket_text  # noqa: PLC0415 - not needed for help
    from authz.wire.holdgate.v1 import approvals_pb2  # noqa: PLC0415 - as above

    assent.require_means()
    with connection.client() as client:
        ticket = client.get(ticket_id)
        click.echo(ticket_text.details(ticket), err=True)
        assent.require(ticket.digest, f"{verb.capitalize()} this?")
        return client.vote(ticket, approvals_pb2.Decision.Value(f"DECISION_{verb}"), comment)


def _print(ticket: wire.Ticket, *, as_json: bool) -> None:
    from authz.entrypoints.cli.tickets import json_text, ticket_text  # noqa: PLC0415 - as above

    if as_json:
        click.echo(json_text.document(ticket))
    else:
        click.echo(f"{ticket_text.raw(ticket.id)}: {ticket_text.standing(ticket)}")
