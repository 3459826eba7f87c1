"""HOLDGATE_REDIS_URL, read: one server, a master that Sentinels know, or a cluster.

    redis://[USER[:PASSWORD]@]HOST[:PORT][/DB][?OPTIONS]        rediss:// with TLS, unix://PATH
    redis+sentinel://[USER[:PASSWORD]@]HOST[:PORT][,…]/MASTER[/DB][?OPTIONS]     rediss+sentinel:// with TLS
    redis+cluster://[USER[:PASSWORD]@]HOST[:PORT][,…][?OPTIONS]                  rediss+cluster:// with TLS

The second is what other Python clients take too (Redis-Sentinel-Url, docket, Prefect): the hosts are Sentinels,
`sentinel_username` and `sentinel_password` are for them, everything else is for the server. Options are those of
redis-py's URLs; those beginning with `ssl_` hold for the Sentinels as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode

from redis.asyncio.connection import ConnectionPool, parse_url

SENTINEL_PORT: Final = 26379
REDIS_PORT: Final = 6379
HOSTS_MAX: Final = 64
_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")


class Topology(Enum):
    """What the URL leads to."""

    SINGLE = auto()
    SENTINEL = auto()
    CLUSTER = auto()


@dataclass(frozen=True, slots=True, order=True)
class Host:
    """Where one process listens."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Address:
    """A URL's parts. Options are redis-py's for a connection, without host and port, and may hold passwords.

    `hosts` are the Sentinels or the first nodes of a cluster to ask, none for a single server, whose options say
    where it is. `master` is the name that Sentinels know.
    """

    topology: Topology
    options: dict[str, Any] = field(repr=False)
    hosts: tuple[Host, ...] = ()
    master: str = ""
    sentinel_options: dict[str, Any] = field(default_factory=dict, repr=False)


def parse_address(url: str) -> Address:
    """Read a URL. Raises ValueError, which doesn't repeat it, because it may hold a password."""
    scheme, mark, rest = url.partition("://")
    match scheme.lower().split("+"):
        case ["redis" | "rediss" | "unix"] if mark:
            return _checked(Address(Topology.SINGLE, _read(url)))
        case ["redis" | "rediss" as protocol, "sentinel"] if mark:
            return _checked(_sentinel(protocol, rest))
        case ["redis" | "rediss" as protocol, "cluster"] if mark:
            return _checked(_cluster(protocol, rest))
        case _:
            msg = "must begin with redis://, redis+sentinel:// or redis+cluster:// (rediss… for TLS), or unix://"
            raise ValueError(msg)


def _sentinel(protocol: str, rest: str) -> Address:
    before, _, query = rest.partition("?")
    authority, _, path = before.partition("/")
    master, _, database = path.partition("/")
    if not master:
        msg = "must name the master after the Sentinels: redis+sentinel://HOST:PORT,…/MASTER"
        raise ValueError(msg)
    credentials, hosts = _authority(authority, SENTINEL_PORT)
    pairs = parse_qsl(query, keep_blank_values=True)
    options = _options(
        protocol, credentials, database, [pair for pair in pairs if pair[0] not in _SENTINEL_OPTIONS]
    )
    own = {name.removeprefix("sentinel_"): value for name, value in pairs if name in _SENTINEL_OPTIONS}
    shared = {
        name: value
        for name, value in options.items()
        if name.startswith("ssl_") or name == "connection_class"
    }
    return Address(Topology.SENTINEL, options, hosts, unquote(master), {**shared, **own})


def _cluster(protocol: str, rest: str) -> Address:
    before, _, query = rest.partition("?")
    authority, _, database = before.partition("/")
    if database not in {"", "0"}:
        msg = "names a database, and a cluster has only database 0"
        raise ValueError(msg)
    credentials, hosts = _authority(authority, REDIS_PORT)
    return Address(Topology.CLUSTER, _options(protocol, credentials, "", parse_qsl(query)), hosts)


def _authority(authority: str, port: int) -> tuple[str, tuple[Host, ...]]:
    credentials, at, listed = authority.rpartition("@")
    hosts = tuple(_host(text, port) for text in listed.split(","))
    if len(hosts) > HOSTS_MAX:
        msg = f"names {len(hosts)} hosts; {HOSTS_MAX} is the limit"
        raise ValueError(msg)
    return credentials + at, hosts


def _host(text: str, default_port: int) -> Host:
    name, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        name, port = text, str(default_port)
    name = unquote(name.removeprefix("[").removesuffix("]"))
    if not name or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 1 << 16:
        msg = "must list its hosts as HOST:PORT,HOST:PORT; one of them is none"
        raise ValueError(msg)
    return Host(name, int(port))


def _options(protocol: str, credentials: str, database: str, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what redis-py makes of the part that doesn't say where."""
    options = _read(f"{protocol}://{credentials}h/{database}?{urlencode(pairs)}")
    if database and not database.isdigit():
        msg = "must have a number as its database"
        raise ValueError(msg)
    del options["host"]
    return options


def _read(url: str) -> dict[str, Any]:
    try:
        return dict(parse_url(url))
    except ValueError as error:
        # What the library says may hold a part of the URL that it took for a port and that is a password.
        told = str(error) if str(error).startswith("Invalid value for") else "can't be read"
        raise ValueError(told) from None


def _checked(address: Address) -> Address:
    """Refuse an option that no connection takes, now and not at the first call."""
    for options in (address.options, address.sentinel_options):
        try:
            ConnectionPool(**options).make_connection()  # type: ignore[no-untyped-call]
        except TypeError:
            msg = "has an option that a connection to Redis doesn't have"
            raise ValueError(msg) from None
    return address
