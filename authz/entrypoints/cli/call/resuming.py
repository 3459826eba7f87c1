"""The command that goes on with a request, to copy."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from authz.entrypoints.cli.call.options import CallOptions
from authz.entrypoints.cli.call.ticket_source import VARIABLE

_VEIL = "…"


def resuming(options: CallOptions) -> str:
    """Return the command that goes on with its ticket, which the shell has as `ticket`.

    Values of headers and bodies may be secret, and this is printed where logs are kept: they stand as `…`. Files stay
    named.
    """
    return f'{VARIABLE}="$ticket" holdgate call {shlex.join(_words(options))}'


def _words(options: CallOptions) -> Iterator[str]:
    if options.method is not None:
        yield from ("-X", options.method)
    for header in options.headers:
        yield from ("-H", header if header.startswith("@") else f"{header.partition(':')[0]}: {_VEIL}")
    for option, values in (
        ("-d", options.data),
        ("--data-binary", options.data_binary),
        ("--json", options.json),
    ):
        for value in values:
            yield from (option, value if value.startswith("@") else _VEIL)
    for _ in options.data_raw:
        yield from ("--data-raw", _VEIL)
    for option, file in (("--cacert", options.cacert), ("--cert", options.cert), ("--key", options.key)):
        if file is not None:
            yield from (option, file)
    if options.follow:
        yield "-L"
    yield _without_credentials(options.url)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
