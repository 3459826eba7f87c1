"""`holdgate demo`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import click

from authz.entrypoints.demo.errors import DemoError, DemoRefused, NotRunning
from authz.entrypoints.demo.run_directory import RunDirectory, run_directory


@click.group(invoke_without_command=True)
@click.option("--once", is_flag=True, help="End after the walk: with 0 if every step answered as it should.")
@click.option(
    "--policies",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another directory of policies, made as the one of the checkout.",
)
@click.pass_context
def demo(ctx: click.Context, policies: Path | None, *, once: bool) -> None:
    """Run everything on this machine and walk through the story of an approval.

    Starts Redis, OPA, Envoy, a sample upstream, a chat room and Holdgate as child processes, shows each step
    of the story as a request and its answer, and goes on serving until Ctrl-C.

    ENVOY_PORT (10000), CONSOLE_PORT (8088), CHECK_PORT (9191), METRICS_PORT (9464), OPA_PORT (8181) and
    ENVOY_ADMIN_PORT (9901) choose other ports, all on 127.0.0.1. RUN_DIR (.run) chooses where the state is
    kept. OPA_BIN and ENVOY_BIN name servers that are not found by themselves.

    Exit codes: 0 stopped while serving, or the walk was good; 1 a step went wrong or a process ended; 2 it
    can't start here; 128 and the signal's number when it was stopped before it served.
    """
    if ctx.invoked_subcommand is None:
        ctx.exit(_run(policies, once=once))


@demo.command()
@click.argument("name")
@click.pass_context
def token(ctx: click.Context, name: str) -> None:
    """Print a bearer token of a sample person of the running demo: alice, bob, carol or dave."""
    from authz.entrypoints.demo.context import bearer_token  # noqa: PLC0415 - cryptography, not needed for help

    _print(ctx, lambda run: bearer_token(run, name))


@demo.command("sign-in")
@click.pass_context
def sign_in(ctx: click.Context) -> None:
    """Print an address of the running demo's console that signs in one browser, once."""
    from authz.entrypoints.demo.context import sign_in_address  # noqa: PLC0415 - as above

    _print(ctx, sign_in_address)


def _print(ctx: click.Context, asked: Callable[[RunDirectory], str]) -> None:
    try:
        click.echo(asked(run_directory(os.environ)))
    except NotRunning as error:
        click.echo(f"holdgate: {error}", err=True)
        ctx.exit(2)


def _run(policies: Path | None, *, once: bool) -> int:
    from authz.entrypoints.demo.preparation import prepare  # noqa: PLC0415 - not needed for help
    from authz.entrypoints.demo.screen import Screen  # noqa: PLC0415 - as above
    from authz.entrypoints.demo.session import Session  # noqa: PLC0415 - as above

    screen = Screen()
    os.umask(0o077)  # before anything is written, and for every child
    try:
        stack = prepare(os.environ, policies)
        with stack.parts.run.held():
            return asyncio.run(Session(stack, screen, once=once).play())
    except DemoRefused as refused:
        for problem in refused.problems:
            screen.complain(f"holdgate: {problem}")
        return 2
    except DemoError as error:
        screen.complain(f"\nholdgate: {error}")
        return 1
