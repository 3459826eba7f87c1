"""`holdgate doctor`."""

from __future__ import annotations

import click


@click.command(short_help="Look for what is wrong with an installation.")
@click.option(
    "--envoy-admin",
    metavar="URL",
    help="Envoy's admin interface: http://HOST:PORT or unix:///PATH. Else where HOLDGATE_ENVOY_ADMIN says.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON list.")
@click.pass_context
def doctor(ctx: click.Context, envoy_admin: str | None, as_json: bool) -> None:
    """Look at settings, OPA, Redis, the check server and Envoy, and say what is wrong and what to do.

    It reads the settings that the servers use, asks each part what it would be asked, and changes nothing. It ends
    with 1 when there is an error, with 4 when the only errors are that something didn't answer, else with 0.
    docs/doctor.md has every finding.
    """
    from authz.adapters.envoy_admin.config_dump import check_admin_url  # noqa: PLC0415 - not needed for help
    from authz.entrypoints.cli.doctor.examination import examine  # noqa: PLC0415 - it imports every adapter
    from authz.entrypoints.cli.doctor.report import as_json_list, as_text, exit_code  # noqa: PLC0415 - as above

    if envoy_admin is not None:
        try:
            envoy_admin = check_admin_url(envoy_admin)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param_hint="--envoy-admin") from error
    findings = examine(envoy_admin)
    click.echo(as_json_list(findings) if as_json else as_text(findings))
    ctx.exit(exit_code(findings))
