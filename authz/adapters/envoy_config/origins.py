"""Origins of pages, as browsers write them into the `origin` header (RFC 6454, section 6.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_ORIGIN: Final = re.compile(
    r"(?P<scheme>https?)://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


def origin_problems(origins: tuple[str, ...]) -> Iterator[str]:
    """Name every entry that no browser would ever send, and those that stand for many."""
    for origin in origins:
        found = _ORIGIN.fullmatch(origin)
        if found is None:
            yield (
                f"{origin!r} is not one exact origin: write https://HOST or https://HOST:PORT as browsers do, in "
                "lowercase, without a path or a wildcard"
            )
        elif found["port"] == _DEFAULT_PORTS[found["scheme"]]:
            yield f"browsers leave the default port out: write {origin.rpartition(':')[0]!r} instead of {origin!r}"
    if len(set(origins)) != len(origins):
        yield "an origin is listed twice"
