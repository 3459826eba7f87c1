"""The options with which every `tickets` command finds its API and says who is asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from authz.entrypoints.cli.failure import CommandFailed, ExitCode
from authz.entrypoints.management.address import local_target

if TYPE_CHECKING:
    from authz.entrypoints.cli.tickets.client import ApprovalsClient, ManagementClient, Token

    C = TypeVar("C", bound=ManagementClient)

ADDRESS_VARIABLE = "HOLDGATE_MANAGEMENT_ADDRESS"

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Connection:
    """Which API to call, empty for the running demo's, and as whom."""

    address: str
    person: str

    @contextmanager
    def client(self) -> Iterator[ApprovalsClient]:
        """Connect for the length of a command. Raises CommandFailed."""
        from authz.entrypoints.cli.tickets.client import ApprovalsClient  # noqa: PLC0415 - gRPC is slow to import

        with self.opened(ApprovalsClient) as client:
            yield client

    @contextmanager
    def opened(self, make: Callable[[str, Token], C]) -> Iterator[C]:
        """Connect with a client of one of the API's services. Raises CommandFailed."""
        from authz.entrypoints.cli.tickets.demo_caller import demo_caller  # noqa: PLC0415 - cryptography, too

        caller = demo_caller(self.person)
        try:
            target = local_target(self.address or caller.address)
        except ValueError as error:
            raise CommandFailed(f"--address: {error}", ExitCode.USAGE) from error
        client = make(target, caller.token)
        try:
            yield client
        finally:
            client.close()


def connected(command: Callable[Concatenate[Connection, P], None]) -> Callable[P, None]:
    """Give a command the options --address and --as, and the connection as its first argument."""

    @click.option(
        "--address",
        envvar=ADDRESS_VARIABLE,
        show_envvar=True,
        default="",
        metavar="ADDRESS",
        help="The management API: 127.0.0.1:PORT or unix:/PATH. Without it, the running demo's.",
    )
    @click.option(
        "--as", "person", required=True, metavar="PERSON", help="A person of the running demo, such as bob."
    )
    @wraps(command)
    def with_options(*args: P.args, **kwargs: P.kwargs) -> None:
        connection = Connection(str(kwargs.pop("address")), str(kwargs.pop("person")))
        command(connection, *args, **kwargs)

    return with_options


def json_option(help_text: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Give a command the option --json, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)
