"""Ten times what a check server can do, through Envoy: what is refused, how fast, and how the admitted fare."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from authz import bootstrap
from authz.adapters.envoy_config.clusters import CHECK_CLUSTER
from authz.adapters.envoy_config.render import render
from authz.settings_loader import load_settings
from bench import cores, h2load
from bench.question import AGENT, ALLOWED_PATH, BEARER, check_request, framed
from bench.servers import Servers
from bench.targets import Target, allows
from tests.support.envoy import RunningEnvoy, running_envoy
from tests.support.ports import free_port

TIMES: Final = 10
"""The load, as a multiple of the capacity."""

DECISION_PATH: Final = "envoy/heavy/allow"
_LIGHT: Final = 10
"""An unloaded server gets this part of its capacity."""

_LIGHT_LASTS: Final = 3
_AT_ONCE: Final = 4
_STREAMS: Final = 100
_A_CLIENT: Final = 400
_EARLIER: Final = 0.75
"""h2load keeps to its own timetable with some delay."""

_PROBE_PAUSE_S: Final = 0.05
_PROBE_LIMIT_S: Final = 5.0
_HEADERS: Final = {"user-agent": AGENT, "accept": "application/json", "authorization": BEARER}

Times = dict[int, list[float]]
"""Each request's time in ms, by status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overloaded:
    """One round. Times in ms, rates in requests/s; `probes` are health checks of our own under the load."""

    capacity: float
    offered: float
    unloaded: Sequence[float]
    admitted: Sequence[float]
    refused: Sequence[float]
    refused_by_server: int
    seconds: float
    probes: Sequence[float]
    failed_health_checks: int


@dataclass(frozen=True, slots=True)
class Gate:
    """One check server behind an Envoy as `holdgate envoy-config` writes it, health checks and bounds included."""

    servers: Servers
    envoy: RunningEnvoy
    port: int
    folder: Path

    def round(self, seconds: float) -> Overloaded:
        """Measure the capacity, a light load, and `TIMES` the capacity. Raises h2load.Unusable."""
        capacity = self._capacity(seconds)
        light = capacity / _LIGHT
        calm, _ = self._load(int(light * seconds * _LIGHT_LASTS), "-c", "1", f"--rps={light:.3f}")
        if set(calm) != {200}:
            raise h2load.Unusable(f"at {light:.0f} requests/s these came: {_counts(calm)}")
        allowed, shed, failed = self._allowed(), self._shed(), self._failed_health_checks()
        with _probing(self.servers.address) as probes:
            met, took = self._load(*self._evenly(capacity * TIMES, seconds))
        if set(met) != {200, 503}:
            raise h2load.Unusable(f"at {capacity * TIMES:.0f} requests/s these came: {_counts(met)}")
        if self._allowed() - allowed != len(met[200]):
            raise h2load.Unusable(
                f"{len(met[200])} requests passed, and {self._allowed() - allowed:.0f} were allowed"
            )
        return Overloaded(
            capacity=capacity,
            offered=sum(map(len, met.values())) / took,
            unloaded=calm[200],
            admitted=met[200],
            refused=met[503],
            refused_by_server=int(self._shed() - shed),
            seconds=took,
            probes=probes,
            failed_health_checks=self._failed_health_checks() - failed,
        )

    def _capacity(self, seconds: float) -> float:
        """Return how many checks a second the server answers when it is always asked."""
        body = self.folder / "question"
        body.write_bytes(framed(check_request().SerializeToString()))
        target = Target("holdgate", self.servers.address, metrics=self.servers.metrics)
        guess = target.measure(body, _AT_ONCE, 200).rate
        return target.measure(body, _AT_ONCE, int(guess * seconds)).rate

    def _evenly(self, rate: float, seconds: float) -> tuple[Any, ...]:
        """Return the number of requests, and the options with which h2load sends them at even distances.

        With --rps it sends all that is due in ten milliseconds at once, and no server could take that.
        """
        clients = ceil(rate / _A_CLIENT)
        pause = clients / rate * 1000 * _EARLIER
        each = int(rate * seconds / clients)
        script = self.folder / "script"
        script.write_text("".join(f"{number * pause:.3f}\t{self._url}\n" for number in range(each)))
        return each * clients, "-c", str(clients), f"--timing-script-file={script}"

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.port}{ALLOWED_PATH}"

    def _load(self, number: int, *how: str) -> tuple[Times, float]:
        """Send so many requests; return their times, and the seconds from the first's start to the last's."""
        log = self.folder / "statuses"
        log.unlink(missing_ok=True)
        options = [option for header, value in _HEADERS.items() for option in ("-H", f"{header}: {value}")]
        options += ["-m", str(_STREAMS), "-n", str(number), f"--log-file={log}"]
        h2load.output(self._url, *options, *how)
        text = log.read_text()
        found = h2load.by_status(text)
        if sum(map(len, found.values())) != number:
            raise h2load.Unusable(f"of {number} requests these were answered: {_counts(found)}")
        starts = [int(line.split("\t")[0]) for line in text.splitlines()]
        return found, (max(starts) - min(starts)) / 1e6

    def _allowed(self) -> float:
        return allows(self._metrics())

    def _shed(self) -> float:
        name = "holdgate_checks_shed_total "
        lines = self._metrics().splitlines()
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    def _metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.servers.metrics}/metrics", timeout=10) as answer:
            text: bytes = answer.read()
        return text.decode()

    def _failed_health_checks(self) -> int:
        """How many of Envoy's own health checks failed."""
        return self.envoy.counter(f"cluster.{CHECK_CLUSTER}.health_check.failure")


@contextmanager
def gate(servers: Servers, folder: Path) -> Iterator[Gate]:
    """Run Envoy before the check server, on the load's core. Raises EnvoyFailed, and h2load.Unusable."""
    port = free_port()
    document = configuration(servers.environ, port)
    with cores.on(cores.LOAD), running_envoy(json.dumps(document), folder / "envoy") as envoy:
        deadline = time.monotonic() + _PROBE_LIMIT_S
        while not envoy.counter(f"cluster.{CHECK_CLUSTER}.membership_healthy"):
            if time.monotonic() > deadline:
                raise h2load.Unusable("Envoy takes the check server for dead")
            time.sleep(_PROBE_PAUSE_S)
        yield Gate(servers, envoy, port, folder)


def configuration(environ: Mapping[str, str], port: int) -> dict[str, Any]:
    """Return what `holdgate envoy-config` prints, but that Envoy answers in the upstream's place."""
    own = {"HOLDGATE_ENVOY_LISTEN": f"127.0.0.1:{port}", "HOLDGATE_ENVOY_ADMIN": f"127.0.0.1:{free_port()}"}
    plan = bootstrap.envoy_plan(load_settings({**environ, **own}))
    document: dict[str, Any] = json.loads(render(plan, "bootstrap", "json"))
    (listener,) = document["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager["route_config"]["virtual_hosts"][0]["routes"] = [
        {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "ok"}}}
    ]
    return document


@contextmanager
def _probing(address: str) -> Iterator[list[float]]:
    """Ask for the server's health again and again until the block ends; yield each answer's time in ms.

    Raises h2load.Unusable at the end when one failed or was anything but SERVING.
    """
    times: list[float] = []
    wrong: list[str] = []
    end = threading.Event()

    def probe() -> None:
        with grpc.insecure_channel(address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            while not end.wait(_PROBE_PAUSE_S):
                began = time.monotonic()
                try:
                    answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=_PROBE_LIMIT_S)
                except grpc.RpcError as error:
                    wrong.append(str(error))
                    return
                times.append((time.monotonic() - began) * 1000)
                if answer.status != health_pb2.HealthCheckResponse.SERVING:
                    wrong.append(f"health was {answer.status}")

    prober = threading.Thread(target=probe)
    prober.start()
    try:
        yield times
    finally:
        end.set()
        prober.join()
    if wrong or not times:
        raise h2load.Unusable(f"under the load: {wrong[0] if wrong else 'no health check was answered'}")


def _counts(found: Times) -> str:
    return (
        ", ".join(f"{len(times)} with status {status}" for status, times in sorted(found.items())) or "none"
    )
