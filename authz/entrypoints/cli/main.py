"""The command `holdgate`."""

from __future__ import annotations

from authz.entrypoints.cli.lazy_group import LazyCommand, LazyGroup

cli = LazyGroup(
    "holdgate",
    help="Ask OPA on every request behind Envoy, and hold what needs a person.",
    lazy={
        "serve": LazyCommand("authz.entrypoints.cli.serve:serve", "Run a part of Holdgate, or all of it."),
        "demo": LazyCommand(
            "authz.entrypoints.demo.command:demo", "Try it: a whole installation on this machine."
        ),
        "tickets": LazyCommand(
            "authz.entrypoints.cli.tickets.group:tickets", "Look at held requests and decide them."
        ),
        "deliveries": LazyCommand(
            "authz.entrypoints.cli.deliveries.group:deliveries",
            "Look at what nobody was told of, and tell it again.",
        ),
        "call": LazyCommand(
            "authz.entrypoints.cli.call.command:call", "Send a request, and wait while it needs an approval."
        ),
        "envoy-config": LazyCommand(
            "authz.entrypoints.cli.envoy_config:envoy_config", "Print the configuration for Envoy."
        ),
        "doctor": LazyCommand(
            "authz.entrypoints.cli.doctor.command:doctor", "Look for what is wrong with an installation."
        ),
        "schema": LazyCommand(
            "authz.entrypoints.cli.schema:schema", "Print what a policy may say and sees, as JSON Schema."
        ),
        "version": LazyCommand("authz.entrypoints.cli.version:version", "Print the version."),
    },
)


def main() -> None:
    """Run the command line and exit with its code."""
    cli(prog_name="holdgate")


if __name__ == "__main__":
    main()
