"""What a check adds to a request's time: one Envoy with the gate, and beside it the same listener without."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from authz import bootstrap
from authz.adapters.envoy_config.clusters import CHECK_CLUSTER
from authz.adapters.envoy_config.ext_authz import EXT_AUTHZ
from authz.adapters.envoy_config.render import render
from authz.settings_loader import load_settings
from bench import cores, h2load
from bench.question import AGENT, ALLOWED_PATH, BEARER
from tests.support.envoy import running_envoy
from tests.support.ports import free_port

UNGATED: Final = "no check"
_STREAMS: Final = 100
_HEADERS: Final = {"user-agent": AGENT, "accept": "application/json", "authorization": BEARER}

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Ports of one Envoy: `UNGATED`, and one for each check server by name."""

    ports: Mapping[str, int]
    folder: Path

    def times(self, name: str, rate: int, seconds: float) -> list[float]:
        """Send requests at a fixed rate; return each one's time in ms. Raises Unusable."""
        log = self.folder / "times"
        log.unlink(missing_ok=True)
        number = max(2, int(rate * seconds))
        options = [option for header, value in _HEADERS.items() for option in ("-H", f"{header}: {value}")]
        # One connection: several would all send at the same moments.
        options += ["-c", "1", "-m", str(_STREAMS), "-n", str(number), f"--rps={rate}"]
        url = f"http://127.0.0.1:{self.ports[name]}{ALLOWED_PATH}"
        try:
            h2load.run(url, *options, f"--log-file={log}")
        except h2load.Unusable as error:
            raise h2load.Unusable(f"{name} through Envoy at {rate} requests/s: {error}") from error
        return h2load.milliseconds(log.read_text())


@contextmanager
def listening(servers: Mapping[str, str], environ: Mapping[str, str], folder: Path) -> Iterator[Listeners]:
    """Run Envoy on the load's core. `servers` is name → HOST:PORT, `environ` the settings of the gate.

    Raises EnvoyFailed.
    """
    ports = {name: free_port() for name in (UNGATED, *servers)}
    document = configuration(servers, ports, environ)
    with ExitStack() as stack:
        with cores.on(cores.LOAD):
            stack.enter_context(running_envoy(json.dumps(document), folder / "envoy"))
        yield Listeners(ports, folder)


def configuration(
    servers: Mapping[str, str], ports: Mapping[str, int], environ: Mapping[str, str]
) -> Document:
    """Return what `holdgate envoy-config` prints, with a listener for each server and one without a check.

    Envoy answers in the upstream's place, which leaves the check as the only hop. Health checks are off, because
    not every other server answers them.
    """
    settings = load_settings({**environ, "HOLDGATE_ENVOY_ADMIN": f"127.0.0.1:{free_port()}"})
    document: Document = json.loads(render(bootstrap.envoy_plan(settings), "bootstrap", "json"))
    static = document["static_resources"]
    (listener,) = static["listeners"]
    (cluster,) = [each for each in static["clusters"] if each["name"] == CHECK_CLUSTER]
    del cluster["health_checks"]
    static["listeners"] = [_listener(listener, name, port) for name, port in ports.items()]
    static["clusters"] += [_cluster(cluster, name, address) for name, address in servers.items()]
    return document


def _listener(original: Document, name: str, port: int) -> Document:
    listener = deepcopy(original)
    listener["name"] = name
    listener["address"]["socket_address"]["port_value"] = port
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    (gate,) = [each for each in manager["http_filters"] if each["name"] == EXT_AUTHZ]
    if name == UNGATED:
        manager["http_filters"].remove(gate)
    else:
        gate["typed_config"]["grpc_service"]["envoy_grpc"]["cluster_name"] = name
    answer = {"status": 200, "body": {"inline_string": "ok"}}
    manager["route_config"]["virtual_hosts"][0]["routes"] = [
        {"match": {"prefix": "/"}, "direct_response": answer}
    ]
    return listener


def _cluster(original: Document, name: str, address: str) -> Document:
    cluster = deepcopy(original)
    host, _, port = address.rpartition(":")
    cluster["name"] = name
    cluster["load_assignment"] = {
        "cluster_name": name,
        "endpoints": [
            {
                "lb_endpoints": [
                    {"endpoint": {"address": {"socket_address": {"address": host, "port_value": int(port)}}}}
                ]
            }
        ],
    }
    return cluster
