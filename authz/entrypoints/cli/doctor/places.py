"""Where something is: what may be shown of an address, and who can reach it."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

_ENCRYPTED: Final = frozenset({"https", "rediss"})


def shown_place(url: str) -> str:
    """Return scheme, hosts with ports, or socket of a URL: no user, no password, no query."""
    scheme, _, rest = url.partition("://")
    if scheme == "unix":
        return f"unix:{urlsplit(url).path}"
    return f"{scheme}://{','.join(_shown_host(each) for each in _hosts(rest))}"


def is_near(url: str) -> bool:
    """Say whether a URL leads to this machine."""
    scheme, _, rest = url.partition("://")
    return scheme == "unix" or all(is_loopback(each.hostname or "localhost") for each in _hosts(rest))


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_encrypted(url: str) -> bool:
    """Say whether a URL's scheme brings TLS."""
    return urlsplit(url).scheme.partition("+")[0] in _ENCRYPTED


def _hosts(rest: str) -> list[SplitResult]:
    """Return what a URL lists after its scheme; Sentinels and the nodes of a cluster are several."""
    authority = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return [urlsplit(f"//{each}") for each in authority.split(",")]


def _shown_host(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{host or 'localhost'}{port}"
