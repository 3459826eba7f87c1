"""Where the `deliveries` commands find dead letters: behind the management API, or in Redis itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol

import click

from authz.entrypoints.cli.failure import CommandFailed, ExitCode
from authz.entrypoints.cli.tickets.connection import ADDRESS_VARIABLE, Connection

if TYPE_CHECKING:
    from authz.wire.holdgate.v1 import deliveries_pb2 as wire

P = ParamSpec("P")


class Letters(Protocol):
    """Dead letters, as the commands use them. Every method raises CommandFailed."""

    def page(self, size: int, token: str) -> wire.ListDeadLettersResponse:
        """Return one page, newest first."""
        ...

    def replay(self, letter_id: str) -> wire.DeadLetter:
        """Send one again, and return it as it was."""
        ...

    def answers(self, ticket_id: str) -> Sequence[wire.Answer]:
        """Return what the channels answered to the notices of one ticket."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """Redis itself where it is `direct`, else the API of `connection`."""

    connection: Connection
    direct: bool

    @contextmanager
    def letters(self) -> Iterator[Letters]:
        """Connect for the length of a command. Raises CommandFailed."""
        if self.direct:
            from authz.entrypoints.cli.deliveries.direct import direct_letters  # noqa: PLC0415 - every adapter

            with direct_letters() as letters:
                yield letters
            return
        from authz.entrypoints.cli.deliveries.client import DeliveriesClient  # noqa: PLC0415 - gRPC is slow

        with self.connection.opened(DeliveriesClient) as client:
            yield client


def sourced(command: Callable[Concatenate[Source, P], None]) -> Callable[P, None]:
    """Give a command the options --address, --as and --direct, and the source as its first argument."""

    @click.option(
        "--address",
        envvar=ADDRESS_VARIABLE,
        show_envvar=True,
        default="",
        metavar="ADDRESS",
        help="The management API: 127.0.0.1:PORT or unix:/PATH. Without it, the running demo's.",
    )
    @click.option(
        "--as", "person", default="", metavar="PERSON", help="A person of the running demo, such as bob."
    )
    @click.option(
        "--direct",
        is_flag=True,
        help="Work on Redis itself, with the settings of this machine (HOLDGATE_REDIS_URL and others).",
    )
    @wraps(command)
    def with_options(*args: P.args, **kwargs: P.kwargs) -> None:
        connection = Connection(str(kwargs.pop("address")), str(kwargs.pop("person")))
        direct = bool(kwargs.pop("direct"))
        if direct == bool(connection.person):
            msg = "say either --as PERSON, for the management API, or --direct, for Redis itself"
            raise CommandFailed(msg, ExitCode.USAGE)
        command(Source(connection, direct), *args, **kwargs)

    return with_options


def every_page(letters: Letters, limit: int) -> Iterator[wire.DeadLetter]:
    """Yield up to `limit` dead letters, newest first."""
    token = ""
    while limit > 0:
        answer = letters.page(min(limit, 200), token)
        yield from answer.letters
        limit -= len(answer.letters)
        token = answer.next_page_token
        if not token:
            return
