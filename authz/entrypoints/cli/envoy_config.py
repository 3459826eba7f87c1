"""`holdgate envoy-config`."""

from __future__ import annotations

from typing import Literal

import click

from authz.entrypoints.cli.failure import bad_settings_named


@click.command("envoy-config", short_help="Print the configuration for Envoy.")
@click.option("--fragment", is_flag=True, help="Only the filters and clusters, for an Envoy of your own.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How to write it.",
)
def envoy_config(*, fragment: bool, form: Literal["yaml", "json"]) -> None:
    """Print the configuration for Envoy, made from the settings that the servers use.

    Without --fragment it is a complete bootstrap, for `envoy -c`.
    """
    with bad_settings_named():
        from authz.adapters.envoy_config.render import render  # noqa: PLC0415 - Envoy's messages take a second
        from authz.bootstrap import envoy_plan  # noqa: PLC0415 - it imports every adapter
        from authz.settings_loader import load_settings  # noqa: PLC0415 - not needed for help

        plan = envoy_plan(load_settings())
        click.echo(render(plan, "fragment" if fragment else "bootstrap", form), nl=False)
