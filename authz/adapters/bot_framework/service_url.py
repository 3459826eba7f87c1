"""Where the bot's token may go: whoever gets it can speak as the bot everywhere."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

import httpx

from authz.domain.protected_url import is_protected

_PLAIN: Final = re.compile(
    r"[a-z0-9.:-]+", re.ASCII
)  # others might read anything else as the end of the host


def trusted_url(service_url: str, hosts: Collection[str]) -> httpx.URL:
    """Return the address of a service that may get the token. Raises ValueError, saying why it may not.

    What is returned is what was judged, so that no other reading of the text can lead elsewhere.
    """
    url = _parsed(service_url)
    if not is_protected(str(url)) or (url.scheme == "https" and url.port is not None):
        msg = "it isn't https on its usual port"
        raise ValueError(msg)
    if not any(_matches(url.host, pattern) for pattern in hosts):
        msg = f"{url.host} isn't among the hosts that may get the bot's token ({', '.join(hosts)})"
        raise ValueError(msg)
    return url


def loopback_url(service_url: str) -> httpx.URL:
    """Return the address of a service on this machine, which gets no token. Raises ValueError for any other."""
    url = _parsed(service_url)
    if not _is_loopback(url.host):
        msg = f"{url.host} isn't on this machine, and the bot has no tokens for others"
        raise ValueError(msg)
    return url


def is_on_this_machine(service_url: str) -> bool:
    """Say whether a service is on this machine."""
    try:
        loopback_url(service_url)
    except ValueError:
        return False
    return True


def _parsed(service_url: str) -> httpx.URL:
    try:
        url = httpx.URL(service_url)
    except httpx.InvalidURL as error:
        msg = "it can't be read"
        raise ValueError(msg) from error
    if url.scheme not in {"http", "https"} or not url.host:
        msg = "it is no absolute http or https address"
        raise ValueError(msg)
    if not _PLAIN.fullmatch(url.host):
        msg = "its host is no plain name"
        raise ValueError(msg)
    if url.userinfo or url.query or url.fragment:
        msg = "it has more than a host and a path"
        raise ValueError(msg)
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
