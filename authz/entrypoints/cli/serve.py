"""`holdgate serve`."""

from __future__ import annotations

import click

from authz.entrypoints.cli.failure import bad_settings_named

PARTS = ("check", "notifier", "console")
ALL = "all"


@click.command(short_help="Run a part of Holdgate, or all of it.")
@click.argument("part", type=click.Choice([*PARTS, ALL]))
@click.pass_context
def serve(ctx: click.Context, part: str) -> None:
    """Run a part of Holdgate until SIGTERM or Ctrl-C.

    check answers Envoy. notifier tells people and ends what nobody decided in time. console has the pages on
    which people decide. all is the three in one process, for one machine. With HOLDGATE_WORKERS, check runs in
    several processes, of which SIGHUP replaces one after the other.

    The settings are HOLDGATE_* variables, and the YAML file named by HOLDGATE_CONFIG. A bad configuration is
    named whole, one problem a line, and ends the command with 2.
    """
    with bad_settings_named():
        from authz.settings_loader import load_settings  # noqa: PLC0415 - not needed for help

        settings = load_settings()
        if settings.workers > 1 and part in {"check", ALL}:
            from authz.entrypoints import workers  # noqa: PLC0415 - only here

            ctx.exit(workers.run(part, settings))
        from authz.entrypoints import serving  # noqa: PLC0415 - it imports every adapter

        ctx.exit(serving.run(frozenset(PARTS if part == ALL else {part})))
