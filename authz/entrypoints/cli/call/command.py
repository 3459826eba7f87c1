"""`holdgate call`."""

from __future__ import annotations

import click

from authz.entrypoints.cli.call.options import CallOptions, with_options
from authz.entrypoints.cli.failure import CommandFailed, ExitCode


@click.command(short_help="Send a request, and wait while it needs an approval.")
@with_options
def call(options: CallOptions) -> None:
    """Send a request as curl does, and wait while it needs an approval.

    The upstream's answer goes to stdout, everything else to stderr: whom the request waits for, and what became of
    it. docs/call.md has the exit codes.
    """
    try:
        from authz.entrypoints.cli.call.calling import Calling  # noqa: PLC0415 - an extra, and not needed for help
    except ModuleNotFoundError as error:
        if error.name != "holdgate_client":
            raise
        text = "this command needs the client that waits: install holdgate[call]"
        raise CommandFailed(text, ExitCode.USAGE) from error
    raise SystemExit(Calling(options).run())
