"""Whether a request comes from this very machine, straight from the browser."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from starlette.requests import Request

_FORWARDED_NAMES = frozenset({"client-ip", "forwarded", "true-client-ip", "via", "x-client-ip", "x-real-ip"})
_FORWARDED_PREFIXES = ("cf-", "x-envoy-", "x-forwarded", "x-original-")


def is_loopback(host: str) -> bool:
    """Say whether a host name or address (IPv6 with or without brackets) is this machine's loopback."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def why_not_local(request: Request) -> str | None:
    """Return a sentence when the peer isn't loopback or a proxy stands in between, else None.

    A proxy on this machine makes the whole world look like loopback; it betrays itself by the headers it
    adds.
    """
    if request.client is None or not is_loopback(request.client.host):
        return "The demo lets people sign in from the machine that it runs on, and from nowhere else."
    for name in request.headers:
        plain = name.replace("_", "-")
        if plain in _FORWARDED_NAMES or plain.startswith(_FORWARDED_PREFIXES):
            return f"The demo can't be used through a proxy: the request carries the header {plain}."
    return None
