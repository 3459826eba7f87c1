"""`holdgate version`."""

from __future__ import annotations

import click

from authz import __version__


@click.command(short_help="Print the version.")
def version() -> None:
    """Print the version."""
    click.echo(f"holdgate {__version__}")
