"""`holdgate tickets reviews` and `review`: looking afterwards at what broke the glass."""

from __future__ import annotations

import click

from authz.entrypoints.cli.tickets.connection import Connection, connected, json_option

LIMIT = 50
LIMIT_MAX = 200


@click.command(short_help="List uses of break-glass that wait for a review.")
@connected
@click.option(
    "--limit", type=click.IntRange(1, LIMIT_MAX), default=LIMIT, show_default=True, help="How many at most."
)
@json_option("Print one protobuf-JSON ListReviewsResponse.")
def reviews(connection: Connection, limit: int, *, as_json: bool) -> None:
    """List uses of break-glass that wait for a review, the one that is due first before the others."""
    from authz.entrypoints.cli.tickets import json_text, review_text  # noqa: PLC0415 - not needed for help
    from authz.wire.holdgate.v1 import approvals_pb2 as wire  # noqa: PLC0415 - as above

    with connection.client() as client:
        found = client.reviews(limit)
    if as_json:
        click.echo(json_text.document(wire.ListReviewsResponse(reviews=found)))
    elif found:
        click.echo(review_text.table(found))
    else:
        click.echo("Nothing waits for a review.", err=True)


@click.command(short_help="Look at a use of break-glass, or finish its review.")
@connected
@click.argument("review_id", metavar="ID")
@click.option(
    "--comment", default="", help="What you found: finishes the review. Without it, it is only shown."
)
@json_option("Print the Review as protobuf-JSON.")
def review(connection: Connection, review_id: str, comment: str, *, as_json: bool) -> None:
    """Look at a use of break-glass; with --comment, finish its review.

    Whoever broke the glass can't review it.
    """
    from authz.entrypoints.cli.tickets import json_text, review_text  # noqa: PLC0415 - not needed for help

    with connection.client() as client:
        found = client.finish_review(review_id, comment) if comment else client.review(review_id)
    if as_json:
        click.echo(json_text.document(found))
    else:
        click.echo(review_text.standing(found) if comment else review_text.details(found))
