from __future__ import annotations

from dataclasses import dataclass

import httpx

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who a request goes to: where (RFC 6454), and the name it is sent under (the header host)."""

    scheme: str
    host: str
    port: int | None
    name: str

    @classmethod
    def of(cls, url: httpx.URL, name: str | None = None) -> Origin:
        """Return the origin of a URL. `name` is the header host where it says something else than the URL.

        >>> Origin.of(httpx.URL("https://gate.example:443/a")) == Origin.of(
        ...     httpx.URL("https://gate.example/b")
        ... )
        True
        """
        port = url.port or _DEFAULT_PORTS.get(url.scheme)
        return cls(url.scheme, url.host, port, (name or url.netloc.decode("ascii")).lower())

    @classmethod
    def of_request(cls, request: httpx.Request) -> Origin:
        """Return the origin that a request goes to."""
        return cls.of(request.url, request.headers.get("host"))

    def __str__(self) -> str:
        """Write it as in a URL."""
        return f"{self.scheme}://{self.name}"
