"""One run of h2load (nghttp2-client), and what it printed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import cores

_LIMIT_S = 300
_NUMBERS = {
    "rate": re.compile(r"^finished in .*?, ([0-9.]+) req/s", re.MULTILINE),
    "asked": re.compile(r"^requests: (\d+) total", re.MULTILINE),
    "succeeded": re.compile(r"^requests: .* (\d+) succeeded", re.MULTILINE),
    "ok": re.compile(r"^status codes: (\d+) 2xx", re.MULTILINE),
    "data": re.compile(r"^traffic: .*\((\d+)\) data", re.MULTILINE),
}


class Unusable(Exception):
    """A run in which something failed: its figures say nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """`rate` in answers a second, `asked` requests of which all were answered 2xx, `data` bytes of bodies in all."""

    rate: float
    asked: int
    data: int


def read(output: str) -> Run:
    """Read what h2load printed. Raises Unusable when a request failed, or got another status than 2xx."""
    found = {name: pattern.search(output) for name, pattern in _NUMBERS.items()}
    numbers = {name: float(match.group(1)) for name, match in found.items() if match is not None}
    if numbers.keys() != _NUMBERS.keys():
        raise Unusable(f"h2load printed no {sorted(_NUMBERS.keys() - numbers.keys())}:\n{output[-2000:]}")
    asked = int(numbers["asked"])
    if not asked == numbers["succeeded"] == numbers["ok"]:
        raise Unusable(
            f"of {asked} requests {numbers['succeeded']:.0f} succeeded and {numbers['ok']:.0f} had status 2xx"
        )
    return Run(numbers["rate"], asked, int(numbers["data"]))


def run(url: str, *options: str) -> Run:
    """Load a URL over HTTP/2 without TLS. Raises Unusable when anything but 2xx comes back."""
    return read(output(url, *options))


def output(url: str, *options: str) -> str:
    """Load a URL over HTTP/2 without TLS, whatever comes back; return what h2load printed. Raises Unusable."""
    with cores.on(cores.LOAD):
        done = subprocess.run(
            ["h2load", *options, url], capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    if done.returncode != 0:
        raise Unusable(f"h2load ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def check_options(body: Path, streams: int, number: int) -> Sequence[str]:
    """Return the options for `number` gRPC calls, `streams` at once on one connection, each with this framed body."""
    headers = ("content-type: application/grpc", "te: trailers", "grpc-timeout: 5S")
    return (
        *(option for header in headers for option in ("-H", header)),
        *("-d", str(body), "-c", "1", "-m", str(streams), "-n", str(number)),
    )


def milliseconds(log: str) -> list[float]:
    """Read h2load's --log-file: each request's time in ms. Raises Unusable on any status but 2xx."""
    times = []
    for status, each in by_status(log).items():
        if not 200 <= status < 300:
            raise Unusable(f"a request got status {status}")
        times += each
    return times


def by_status(log: str) -> dict[int, list[float]]:
    """Read h2load's --log-file: the requests' times in ms, by status; -1 for a stream that failed."""
    times: dict[int, list[float]] = {}
    for line in log.splitlines():
        _, status, microseconds = line.split("\t")[:3]
        times.setdefault(int(status), []).append(int(microseconds) / 1000)
    return times
