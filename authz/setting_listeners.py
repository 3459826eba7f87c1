"""Addresses to listen on, as settings write them: which are safe, and which worker process gets which."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address

from authz.domain.envoy_identity import EnvoyIdentities

_UNIX = "unix:"
_LOCAL = re.compile(r"(?:127\.0\.0\.1|\[::1\]|localhost):(\d{1,5})", re.ASCII)
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})", re.ASCII)
_PORT_MAX = 65_535
_PATH_MAX = 103  # sun_path with its final NUL is 104 bytes on macOS, 108 on Linux


def is_local(address: str) -> bool:
    """Say whether only this machine reaches an address: loopback or a unix socket."""
    found = _LOCAL.fullmatch(address)
    return address.startswith("unix:/") or (found is not None and int(found[1]) <= _PORT_MAX)


def is_unspecified(address: str) -> bool:
    """Say whether it stands for every address of the machine (`0.0.0.0`, `[::]`), which nobody can connect to."""
    found = _ADDRESS.fullmatch(address)
    return found is not None and ip_address(found[1] or found[2]).is_unspecified


def check_listen(value: str) -> str:
    """Refuse an address to listen on that is neither loopback nor a unix socket; nothing else is protected."""
    if value and not is_local(value):
        msg = f"{value!r} is neither loopback (127.0.0.1:PORT, [::1]:PORT) nor a unix socket (unix:/PATH)"
        raise ValueError(msg)
    return value


def check_grpc_listen(value: str) -> str:
    """Refuse what is no address to listen on. Whether one needs mutual TLS is `check_reach`'s to say."""
    if not is_local(value) and not _is_address(value):
        msg = f"{value!r} is not an address to listen on: ADDRESS:PORT, [IPV6]:PORT or unix:/PATH"
        raise ValueError(msg)
    return value


def check_reach(listen: str, files: Mapping[str, str], identities: Collection[str]) -> None:
    """Refuse a check listener that others can reach without mutual TLS, and mutual TLS by half.

    `files` are the TLS settings, by variable. Whoever reaches the check port can claim any principal.
    """
    if identities:
        EnvoyIdentities(identities)
    missing = [name for name, value in files.items() if not value]
    given = bool(identities) or len(missing) < len(files)
    if given and (missing or not identities):
        lacks = [*missing, *([] if identities else ["the Envoys that may ask, here"])]
        msg = f"mutual TLS needs all of its settings; missing: {', '.join(lacks)}"
        raise ValueError(msg)
    if not given and not is_local(listen):
        msg = (
            f"HOLDGATE_GRPC_LISTEN={listen} is neither loopback nor a unix socket, and whoever reaches it can claim "
            f"any principal: it needs {', '.join(files)}, and here the Envoys that may ask"
        )
        raise ValueError(msg)


def nth_address(address: str, number: int) -> str:
    """Return what worker `number` (the first is 0) listens on: a port or a suffix further each."""
    if number == 0:
        return address
    if address.startswith(_UNIX):
        return f"{address}.{number}"
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + number}"


def check_workers(workers: int, listeners: Mapping[str, str], single: Mapping[str, str]) -> None:
    """Refuse so many workers where their addresses don't exist or meet. Both are addresses by variable.

    `listeners` are those that every worker has one of, `single` those that only one process has.
    """
    if workers == 1:
        return
    taken: dict[str, str] = {_key(address): variable for variable, address in single.items() if address}
    for variable, first in listeners.items():
        if first.endswith(":0"):
            msg = f"{variable} has port 0, and with {workers} workers Envoy has to know every port"
            raise ValueError(msg)
        for number in range(workers):
            address = nth_address(first, number)
            path = address.removeprefix(_UNIX)
            if path == address and int(address.rpartition(":")[2]) > _PORT_MAX:
                msg = f"with {workers} workers {variable} runs past port {_PORT_MAX}"
                raise ValueError(msg)
            if path != address and len(path.encode()) > _PATH_MAX:
                msg = f"with {workers} workers {variable} comes to {path!r}, longer than {_PATH_MAX} bytes"
                raise ValueError(msg)
            if (owner := taken.setdefault(_key(address), variable)) != variable:
                msg = f"with {workers} workers {address} would be used by {variable} and by {owner}"
                raise ValueError(msg)


def _key(address: str) -> str:
    """Return what two addresses that can't be used at once have in common: the port, whatever the host."""
    return address if address.startswith(_UNIX) else address.rpartition(":")[2]


def _is_address(value: str) -> bool:
    found = _ADDRESS.fullmatch(value)
    if found is None or int(found[3]) > _PORT_MAX:
        return False
    try:
        ip_address(found[1] or found[2])
    except ValueError:
        return False
    return True
