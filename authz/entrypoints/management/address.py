"""Where the management API may listen, and where its client may send a bearer token: this machine only."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import PurePosixPath

# sun_path has 104 bytes on macOS and 108 on Linux, the final NUL included.
SOCKET_PATH_MAX = 103
PORT_MAX = 65535


def local_target(text: str) -> str:
    """Return `text` as gRPC takes it: `127.0.0.1:PORT`, `[::1]:PORT` or `unix:/absolute/path`.

    `localhost` becomes 127.0.0.1, so that no resolver can point it elsewhere. Raises ValueError, saying what
    is accepted, for every other host and for a malformed address.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "unix":
        return _socket(text, rest)
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= PORT_MAX):
        msg = f"{text!r} has no port; write HOST:PORT such as 127.0.0.1:9292, or unix:/path/to/socket"
        raise ValueError(msg)
    if host == "localhost":
        host = "127.0.0.1"
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        msg = f"{text!r} is not on this machine; only a loopback address or unix:/path/to/socket is accepted"
        raise ValueError(msg)
    return f"[{address}]:{int(port)}" if address.version == 6 else f"{address}:{int(port)}"  # noqa: PLR2004 - IPv6


def socket_path(target: str) -> str | None:
    """Return the path of a unix socket target that `local_target` made, None for a TCP one."""
    return target.removeprefix("unix:") if target.startswith("unix:") else None


def _socket(text: str, rest: str) -> str:
    path = "/" + rest.removeprefix("//").lstrip("/") if rest.startswith("/") else rest
    if not PurePosixPath(path).is_absolute() or path == "/" or "\0" in path:
        msg = f"{text!r} needs an absolute path: unix:/path/to/socket"
        raise ValueError(msg)
    if len(path.encode()) > SOCKET_PATH_MAX:
        msg = f"{text!r} is longer than the {SOCKET_PATH_MAX} bytes a socket path may have"
        raise ValueError(msg)
    return f"unix:{path}"
