"""Where something is: what may be shown of an address, and who can reach it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_ENCRYPTED: Final = frozenset({"https", "rediss"})


def shown_place(url: str) -> str:
    """Return scheme, host, port or socket of a URL: no user, no password, no query."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix:{parts.path}"
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{host or 'localhost'}{port}"


def is_near(url: str) -> bool:
    """Say whether a URL leads to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "unix" or is_loopback(parts.hostname or "localhost")


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_encrypted(url: str) -> bool:
    """Say whether a URL's scheme brings TLS."""
    return urlsplit(url).scheme in _ENCRYPTED
