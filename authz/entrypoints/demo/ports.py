"""The TCP ports of the demo, all on 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields

from authz.entrypoints.demo.errors import DemoRefused

LOOPBACK = "127.0.0.1"
_HIGHEST = 65535


@dataclass(frozen=True, slots=True)
class Ports:
    """One port a part. The variable that changes a port is its name in capitals and `_PORT`."""

    envoy: int = 10000
    envoy_admin: int = 9901
    check: int = 9191
    console: int = 8088
    metrics: int = 9464
    opa: int = 8181

    def named(self) -> dict[str, int]:
        """Return the port behind each variable: `{"ENVOY_PORT": 10000, …}`."""
        return {f"{field.name.upper()}_PORT": getattr(self, field.name) for field in fields(self)}


def read_ports(environ: Mapping[str, str]) -> Ports:
    """Read the variables. Raises DemoRefused naming every one that is no port or doubles another."""
    problems: list[str] = []
    chosen: dict[str, int] = {}
    for field in fields(Ports):
        variable = f"{field.name.upper()}_PORT"
        text = environ.get(variable, str(field.default))
        if text.isascii() and text.isdigit() and 1 <= int(text) <= _HIGHEST:
            chosen[field.name] = int(text)
        else:
            problems.append(f"{variable}={text} is not a port between 1 and {_HIGHEST}")
    for name, port in chosen.items():
        first = next(other for other, value in chosen.items() if value == port)
        if first != name:
            problems.append(f"{first.upper()}_PORT and {name.upper()}_PORT are both {port}; change one")
    if problems:
        raise DemoRefused(*problems)
    return Ports(**chosen)


def refuse_taken(ports: Ports) -> None:
    """Raise DemoRefused naming every port that can't be listened on, with the variable that changes it."""
    problems = [
        f"port {port} of {LOOPBACK} {trouble}; set {variable} to another"
        for variable, port in ports.named().items()
        if (trouble := _trouble(port))
    ]
    if problems:
        raise DemoRefused(*problems)


def _trouble(port: int) -> str:
    """Return what keeps a server from this port, empty if nothing does."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers bind: connections that are only winding down don't count. Without SO_REUSEPORT, so that
        # another Envoy, which would silently share the port, does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            return "may not be used by this account"
        except OSError:
            return "is taken"
    return ""
