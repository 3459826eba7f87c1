"""Where a process listens: a TCP address or a unix socket."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from authz.domain.errors import SettingsInvalid

_UNIX = "unix:"
_MAX_PORT = 65535
_MAX_UNIX_PATH = 103  # sun_path with its final NUL is 104 bytes on macOS, 108 on Linux


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    """`host` is an IP address without brackets, or a name; `port` is between 1 and 65535."""

    host: str
    port: int

    def __post_init__(self) -> None:
        """Raise SettingsInvalid for an empty host or an impossible port."""
        if not self.host or any(mark in self.host for mark in "/[]@ "):
            raise SettingsInvalid([f"{self.host!r} is not a host name or an IP address"])
        if not 1 <= self.port <= _MAX_PORT:
            raise SettingsInvalid([f"{self.port} is not a port between 1 and {_MAX_PORT}"])

    @property
    def is_ip(self) -> bool:
        """Whether `host` is an address that needs no look-up."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return ip_address(self.host).is_loopback if self.is_ip else self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    """`path` is the absolute path of a stream socket."""

    path: str

    def __post_init__(self) -> None:
        """Raise SettingsInvalid for a relative path or one that no socket address can carry."""
        if not self.path.startswith("/"):
            raise SettingsInvalid([f"unix socket path {self.path!r} is not absolute"])
        if len(self.path.encode()) > _MAX_UNIX_PATH:
            raise SettingsInvalid([f"unix socket path {self.path!r} is longer than {_MAX_UNIX_PATH} bytes"])

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it: always."""
        return True

    def __str__(self) -> str:
        return f"{_UNIX}{self.path}"


Endpoint = TcpEndpoint | UnixEndpoint


def parse_endpoint(text: str) -> Endpoint:
    """Read `127.0.0.1:9191`, `[::1]:9191`, `check.internal:9191` or `unix:/run/holdgate/check.sock`.

    Raises SettingsInvalid for anything else.
    """
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        return UnixEndpoint("/" + path.lstrip("/") if path.startswith("//") else path)
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or (":" in host and not host.startswith("[")):
        raise SettingsInvalid(
            [f"{text!r} is not an endpoint; write host:port, [IPv6 address]:port or unix:/absolute/path"]
        )
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return TcpEndpoint(host, int(port))
