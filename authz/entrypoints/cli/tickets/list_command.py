"""`holdgate tickets list`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from authz.domain.ticket import State
from authz.entrypoints.cli.tickets.connection import Connection, connected, json_option

ALL = "all"
LIMIT = 50
LIMIT_MAX = 10_000


@click.command("list", short_help="List tickets, newest first.")
@connected
@click.option(
    "--state",
    "states",
    multiple=True,
    default=[State.PENDING.value],
    show_default=True,
    type=click.Choice([*(state.value for state in State), ALL]),
    help="Only those in this state; may be repeated.",
)
@click.option(
    "--limit", type=click.IntRange(1, LIMIT_MAX), default=LIMIT, show_default=True, help="How many at most."
)
@json_option("Print one protobuf-JSON ListResponse.")
def list_tickets(connection: Connection, states: Sequence[str], limit: int, *, as_json: bool) -> None:
    """List tickets, newest first."""
    from authz.entrypoints.cli.tickets import json_text, ticket_text  # noqa: PLC0415 - not needed for help
    from authz.entrypoints.management.ticket_message import STATES  # noqa: PLC0415 - as above
    from authz.wire.holdgate.v1 import approvals_pb2 as wire  # noqa: PLC0415 - as above

    wanted = () if ALL in states else tuple(STATES[State(state)] for state in states)
    with connection.client() as client:
        found = client.list(wanted, limit)
    if as_json:
        click.echo(json_text.document(wire.ListResponse(tickets=found)))
    elif found:
        click.echo(ticket_text.table(found))
    else:
        click.echo("No such tickets." if ALL not in states else "No tickets.", err=True)
