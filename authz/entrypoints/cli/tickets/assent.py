"""How sure somebody is who votes from a command line: the options --digest and --yes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

import click

from authz.entrypoints.cli.failure import CommandFailed, ExitCode

DIGEST_MIN = 12
DIGEST_LENGTH = 64

_DIGEST = re.compile(rf"[0-9a-f]{{{DIGEST_MIN},{DIGEST_LENGTH}}}", re.ASCII)

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Assent:
    """The beginning of a digest that was looked at before, or a yes to whatever there is, or neither."""

    digest: str
    yes: bool

    def require_means(self) -> None:
        """Raise CommandFailed when nobody can be asked and nothing was said."""
        if not (self.digest or self.yes or sys.stdin.isatty()):
            text = "without a terminal, say with --digest what you looked at, or --yes to take it as it is"
            raise CommandFailed(text, ExitCode.USAGE)

    def require(self, digest: str, question: str) -> None:
        """Raise CommandFailed unless this digest was looked at, or the question is answered with yes."""
        if not digest.startswith(self.digest):
            text = (
                f"nothing was decided: the digest does not begin with {self.digest}; look at the ticket again"
            )
            raise CommandFailed(text, ExitCode.REFUSED)
        if self.digest or self.yes:
            return
        if not click.confirm(question, default=False, err=True):
            raise CommandFailed("nothing was decided", ExitCode.REFUSED)


def assenting(command: Callable[P, None]) -> Callable[P, None]:
    """Give a command the options --digest and --yes, together as `assent`."""

    @click.option(
        "--digest",
        default="",
        callback=_hex,
        metavar="HEX",
        help=f"The digest you were shown, or its first {DIGEST_MIN} digits or more. Then nothing is asked.",
    )
    @click.option("--yes", is_flag=True, help="Decide whatever the ticket holds, without asking.")
    @wraps(command)
    def with_options(*args: P.args, **kwargs: P.kwargs) -> None:
        kwargs["assent"] = Assent(str(kwargs.pop("digest")), bool(kwargs.pop("yes")))
        command(*args, **kwargs)

    return with_options


def _hex(ctx: click.Context, parameter: click.Parameter, value: str) -> str:  # noqa: ARG001 - click's signature
    if value and not _DIGEST.fullmatch(value.lower()):
        raise click.BadParameter(f"must be the digest's first {DIGEST_MIN} hex digits, or more of them")
    return value.lower()
