"""The options of `holdgate call`: curl's, and those for waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final

import click

from authz.domain.duration import parse_duration


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What was said on the command line. Durations are seconds."""

    url: str
    method: str | None
    headers: tuple[str, ...] = field(repr=False)
    data: tuple[str, ...] = field(repr=False)
    data_raw: tuple[str, ...] = field(repr=False)
    data_binary: tuple[str, ...] = field(repr=False)
    json: tuple[str, ...] = field(repr=False)
    follow: bool
    include: bool
    output: str | None
    cacert: str | None
    cert: str | None
    key: str | None
    timeout: float
    wait: float
    no_wait: bool
    ticket_file: str | None
    on_interrupt: str
    quiet: bool


def _seconds(ctx: click.Context, parameter: click.Parameter, value: str) -> float:  # noqa: ARG001 - click's signature
    try:
        return parse_duration(value) / 1000
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_DECORATORS: Final = (
    click.argument("url", metavar="URL"),
    click.option("-X", "--request", "method", metavar="METHOD", help="GET if not said; POST with a body."),
    click.option(
        "-H",
        "--header",
        "headers",
        multiple=True,
        metavar="LINE",
        help="'Name: value', or @FILE with one a line.",
    ),
    click.option(
        "-d", "--data", multiple=True, metavar="DATA", help="The body; @FILE or @- (stdin) without line ends."
    ),
    click.option("--data-raw", multiple=True, metavar="DATA", help="The same, where @ means nothing."),
    click.option("--data-binary", multiple=True, metavar="DATA", help="The same, with files as they are."),
    click.option("--json", multiple=True, metavar="DATA", help="The same, as application/json."),
    click.option("-L", "--location", "follow", is_flag=True, help="Follow redirects."),
    click.option("-i", "--include", is_flag=True, help="Print the answer's status and headers, too."),
    click.option(
        "-o", "--output", metavar="FILE", help="Write the answer's body there instead of to stdout."
    ),
    click.option("--cacert", metavar="FILE", help="Trust these certificates instead of the usual ones."),
    click.option("--cert", metavar="FILE", help="Show this certificate; its key is in it, or in --key."),
    click.option("--key", metavar="FILE", help="The key of --cert."),
    click.option(
        "--timeout",
        default="60s",
        callback=_seconds,
        metavar="DURATION",
        show_default=True,
        help="How long each step of the request itself may take.",
    ),
    click.option(
        "--wait",
        default="1h",
        callback=_seconds,
        metavar="DURATION",
        show_default=True,
        help="How long to wait for an approval, at the longest.",
    ),
    click.option("--no-wait", is_flag=True, help="Print the ticket instead of waiting."),
    click.option(
        "--ticket-file",
        metavar="FILE",
        help="Go on with the ticket in it, - for stdin; else with HOLDGATE_TICKET.",
    ),
    click.option(
        "--on-interrupt",
        type=click.Choice(["ask", "leave", "cancel"]),
        default="ask",
        show_default=True,
        help="What becomes of a held request at Ctrl-C or SIGTERM; without a terminal, ask is leave.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Don't tell what is waited for."),
)


def with_options(command: Callable[[CallOptions], None]) -> Callable[..., None]:
    """Give a command all of them, together."""

    def packed(**values: Any) -> None:  # noqa: ANN401 - click passes what each option is
        command(CallOptions(**values))

    packed.__doc__ = command.__doc__
    packed.__name__ = command.__name__
    return reduce(lambda function, decorate: decorate(function), reversed(_DECORATORS), packed)
