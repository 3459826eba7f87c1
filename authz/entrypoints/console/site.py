"""Under which names people reach the console."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from urllib.parse import SplitResult, urlsplit

from authz.domain.errors import SettingsInvalid

_DEFAULT_PORT = {"http": 80, "https": 443}


class Site:
    """The public address, and the other hosts (`host` or `host:port`) that a request may name."""

    def __init__(self, public_url: str, more_hosts: Collection[str] = ()) -> None:
        """Raises SettingsInvalid when `public_url` is no http(s) address of a whole host."""
        parts = urlsplit(public_url)
        if parts.scheme not in _DEFAULT_PORT or not parts.hostname or parts.path.strip("/") or parts.query:
            msg = f"HOLDGATE_PUBLIC_URL is {public_url!r}; it must be http(s)://HOST[:PORT], nothing more"
            raise SettingsInvalid([msg])
        self.public_url = public_url.rstrip("/")
        self.secure = parts.scheme == "https"
        self._scheme = parts.scheme
        self._more = frozenset(host.lower() for host in more_hosts)
        self._own = _host_of(parts)

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Every allowed value of the Host header, lowercase."""
        return self._more | {self._own}

    @cached_property
    def origins(self) -> frozenset[str]:
        """Every origin (RFC 6454) that a form of ours can come from."""
        return frozenset(f"{self._scheme}://{host}" for host in self.hosts)


def _host_of(parts: SplitResult) -> str:
    """Return the Host header that a browser sends: lowercase, without the scheme's own port."""
    name = parts.netloc.rpartition("@")[2].lower()
    port = parts.port
    if port is not None and port == _DEFAULT_PORT[parts.scheme]:
        return name.rpartition(":")[0]
    return name
