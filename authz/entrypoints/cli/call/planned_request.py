"""The request that a command line describes, as curl understands one."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

BODY_MAX: Final = 16 * 1024 * 1024
"""Bytes of a body, which is kept to be sent again. No gate shows its policy nearly as much."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110 section 5.6.2
_FORM: Final = b"application/x-www-form-urlencoded"
_JSON: Final = b"application/json"


@dataclass(frozen=True, slots=True)
class Data:
    """The values of one of the options -d, --data-raw, --data-binary and --json."""

    option: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """What is sent. Header values may be secret, so they aren't in `repr`."""

    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes | None = field(repr=False)

    @property
    def host(self) -> str | None:
        """The name in the header host, where the caller gave one."""
        return next((value.decode() for name, value in self.headers if name.lower() == b"host"), None)


def plan(method: str | None, url: str, headers: Sequence[str], data: Data | None) -> PlannedRequest:
    """Read the options. Raises ValueError with a sentence for the user, and OSError for a file."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            f"{url!r:.200} is no address: it has to begin with http:// or https:// and name a host"
        )
    body = _body(data) if data is not None else None
    lines = [line for value in headers for line in _header_lines(value)]
    named = [_header(line) for line in lines]
    given = {name.lower() for name, _ in named}
    if data is not None and b"content-type" not in given:
        named.append((b"content-type", _JSON if data.option == "--json" else _FORM))
    if data is not None and data.option == "--json" and b"accept" not in given:
        named.append((b"accept", _JSON))
    verb = method or ("GET" if data is None else "POST")
    if not _NAME.fullmatch(verb):
        raise ValueError(f"{verb!r:.80} is no method")
    return PlannedRequest(verb.upper(), url, tuple(named), body)


def _header_lines(value: str) -> list[str]:
    if not value.startswith("@"):
        return [value]
    return [line for line in _read(value[1:]).decode("utf-8").splitlines() if line.strip()]


def _header(line: str) -> tuple[bytes, bytes]:
    """Read `Name: value`. Raises ValueError that tells the name alone: the value may be a credential."""
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _NAME.fullmatch(name):
        raise ValueError("a header has to be 'Name: value', or @FILE with one a line")
    if not value.isprintable():
        raise ValueError(f"the header {name} has a control character in it")
    return name.encode(), value.encode()


def _body(data: Data) -> bytes:
    if len([value for value in data.values if value == "@-"]) > 1:
        raise ValueError(f"{data.option} @- reads what is on stdin once")
    pieces = [_piece(data.option, value) for value in data.values]
    body = (b"" if data.option == "--json" else b"&").join(pieces)
    if len(body) > BODY_MAX:
        raise ValueError(f"the body has {len(body)} bytes, and at most {BODY_MAX} are kept to be sent again")
    return body


def _piece(option: str, value: str) -> bytes:
    if option == "--data-raw" or not value.startswith("@"):
        return value.encode("utf-8", "surrogateescape")
    content = _read(value[1:])
    return content.translate(None, b"\r\n") if option == "--data" else content


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(BODY_MAX + 1)
    with Path(name).open("rb") as file:
        return file.read(BODY_MAX + 1)
