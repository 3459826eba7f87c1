"""Envoy with our configuration between recording peers, and ways to take a guard out of that configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from authz.adapters.envoy_config.clusters import CHECK_CLUSTER, UPSTREAM_CLUSTER
from authz.adapters.envoy_config.endpoint import TcpEndpoint
from authz.adapters.envoy_config.plan import EnvoyPlan
from authz.adapters.envoy_config.render import render
from authz.adapters.envoy_config.wait_plan import WaitPlan
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.check_server import CheckServer, checking
from tests.support.envoy import RunningEnvoy, running_envoy
from tests.support.ports import free_port
from tests.support.waiting import until

BODY_LIMIT = 4096

Document = dict[str, Any]
Change = Callable[[Document], object]


@dataclass(frozen=True, slots=True)
class Gate:
    """A running Envoy and the port on which clients reach it."""

    port: int
    envoy: RunningEnvoy


class Stack:
    """The peers around Envoy, shared by all tests of a process; each test starts with them reset."""

    def __init__(
        self, folder: Path, check: CheckServer, upstream: http1.Recorder, console: http1.Recorder
    ) -> None:
        self.check = check
        self.upstream = upstream
        self.console = console
        self._folder = folder
        self._number = count()

    def reset(self) -> None:
        self.check.reset()
        self.upstream.reset()
        self.console.reset()

    def plan(self) -> EnvoyPlan:
        """Return a plan for these peers, on ports of its own."""
        return EnvoyPlan(
            listen=_local(free_port()),
            admin=_local(free_port()),
            check=(_local(self.check.port),),
            console=_local(self.console.port),
            upstream=_local(self.upstream.port),
            check_timeout=2.0,
            body_limit=BODY_LIMIT,
            grpc_max_message=4 * 1024 * 1024,
            wait=WaitPlan(longest=60.0, waiters=1000),
        )

    @contextmanager
    def gate(self, *changes: Change, reachable: bool = True, **planned: object) -> Iterator[Gate]:
        """Run an Envoy whose plan has `planned` replaced and whose bootstrap went through `changes`.

        Yields once Envoy has found its check servers healthy, unless they are not meant to be (`reachable`).
        """
        plan = replace(self.plan(), **planned)  # type: ignore[arg-type] # the fields' names and types are the callers'
        document = json.loads(render(plan, "bootstrap", "json"))
        for change in changes:
            change(document)
        assert isinstance(plan.listen, TcpEndpoint)
        folder = self._folder / str(next(self._number))
        with running_envoy(json.dumps(document), folder) as envoy:
            if reachable:
                # A first health check that comes too late on a busy machine leaves a server out for a second.
                healthy = f"cluster.{CHECK_CLUSTER}.membership_healthy"
                until("check servers are healthy", lambda: envoy.counter(healthy) == len(plan.check))
            yield Gate(plan.listen.port, envoy)


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    with ExitStack() as running:
        check = running.enter_context(checking())
        upstream = running.enter_context(http1.recording())
        console = running.enter_context(http1.recording())
        yield Stack(folder, check, upstream, console)


def _local(port: int) -> TcpEndpoint:
    return TcpEndpoint("127.0.0.1", port)


def manager(document: Document) -> Document:
    """Return the connection manager of a bootstrap."""
    found: Document = document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0][
        "typed_config"
    ]
    return found


def ext_authz(document: Document) -> Document:
    """Return the ext_authz filter of a bootstrap."""
    return http_filter(document, "envoy.filters.http.ext_authz")


def http_filter(document: Document, name: str) -> Document:
    """Return one HTTP filter of a bootstrap."""
    (found,) = (each["typed_config"] for each in manager(document)["http_filters"] if each["name"] == name)
    config: Document = found
    return config


def routes(document: Document) -> list[Document]:
    """Return the routes of a bootstrap."""
    found: list[Document] = manager(document)["route_config"]["virtual_hosts"][0]["routes"]
    return found


def route(document: Document, name: str) -> Document:
    """Return one route of a bootstrap."""
    (found,) = (each for each in routes(document) if each["name"] == name)
    return found


def cluster(document: Document, name: str) -> Document:
    """Return one cluster of a bootstrap."""
    (found,) = (each for each in document["static_resources"]["clusters"] if each["name"] == name)
    config: Document = found
    return config


def http2_upstream(document: Document) -> None:
    """Let Envoy speak to the upstream as it does to the check servers: HTTP/2 without TLS."""
    option = "typed_extension_protocol_options"
    cluster(document, UPSTREAM_CLUSTER)[option] = cluster(document, CHECK_CLUSTER)[option]
