"""`holdgate tickets watch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from authz.entrypoints.cli.failure import CommandFailed, ExitCode
from authz.entrypoints.cli.tickets.connection import Connection, connected, json_option

if TYPE_CHECKING:
    from authz.entrypoints.cli.tickets.event_stream import EventStream


@click.command(short_help="Print what happens to tickets as it happens.")
@connected
@click.argument("ticket_ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--after",
    default="",
    metavar="POSITION",
    help="Go on after this event (its id in --json); 0 starts with the oldest.",
)
@json_option("Print one protobuf-JSON Event a line.")
def watch(connection: Connection, ticket_ids: Sequence[str], after: str, *, as_json: bool) -> None:
    """Print what happens to tickets as it happens, until Ctrl-C.

    When the server goes away, the command ends with 4 and says with which --after to go on; nothing is lost.
    """
    from authz.entrypoints.cli.tickets import json_text, ticket_text  # noqa: PLC0415 - not needed for help
    from authz.entrypoints.cli.tickets.event_stream import EventStream  # noqa: PLC0415 - as above

    with connection.client() as client:
        events = EventStream(client, ticket_ids, after)
        try:
            for event in events:
                click.echo(json_text.line(event) if as_json else ticket_text.event_line(event))
        except KeyboardInterrupt:
            raise SystemExit(ExitCode.INTERRUPTED) from None
        except CommandFailed as failure:
            if failure.code is not ExitCode.UNAVAILABLE:
                raise
            raise CommandFailed([*failure.sentences, *_hint(events)], failure.code) from failure
        raise CommandFailed(["the server ended the stream", *_hint(events)], ExitCode.UNAVAILABLE)


def _hint(events: EventStream) -> tuple[str, ...]:
    return (f"go on with --after {events.position}",) if events.position else ()
