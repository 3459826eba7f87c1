"""Which addresses nobody in between can listen to."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_protected(url: str) -> bool:
    """Say whether nobody in between can read or change what goes to a URL: https, or http to this very machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return bool(host)
    if parts.scheme != "http":
        return False
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
