"""The demo's processes: how each is started, and when it is ready."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from authz.entrypoints.demo.binaries import Binaries
from authz.entrypoints.demo.child import ChildSpec
from authz.entrypoints.demo.conditions import answers, redis_answers, socket_answers
from authz.entrypoints.demo.ports import LOOPBACK, Ports
from authz.entrypoints.demo.room import SIGNATURE
from authz.entrypoints.demo.run_directory import RunDirectory

DATA = Path("demo/data.json")
"""The people and the resources, below the policies."""

_POLICY_FOLDERS = ("demo", "library", "opa")


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes the specification of every process of one run. `environ` is what all of them get."""

    run: RunDirectory
    ports: Ports
    binaries: Binaries
    policies: Path
    environ: Mapping[str, str]

    def redis(self) -> ChildSpec:
        """A Redis that only this account reaches: whoever can write to it can approve."""
        socket = self.run.redis_socket
        return ChildSpec(
            name="redis",
            command=(
                *(
                    str(self.binaries.redis),
                    "--port",
                    "0",
                    "--unixsocket",
                    str(socket),
                    "--unixsocketperm",
                    "600",
                ),
                *("--dir", str(self.run.redis), "--appendonly", "yes", "--save", ""),
                *("--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
            ),
            environ=self.environ,
            ready=redis_answers(socket),
            stops_last=True,
        )

    def opa(self) -> ChildSpec:
        """OPA with the policies in place; a saved edit is in force at once (`--watch`)."""
        return ChildSpec(
            name="opa",
            command=(
                *(str(self.binaries.opa), "run", "--server", "--addr", f"{LOOPBACK}:{self.ports.opa}"),
                *("--config-file", str(self.policies / "opa/config.yaml"), "--watch"),
                *("--log-format", "json", "--skip-version-check", "--shutdown-grace-period", "1"),
                *("--ignore", "config.yaml", "--ignore", "*_test.rego"),
                *(str(self.policies / folder) for folder in _POLICY_FOLDERS),
            ),
            environ=self.environ,
            ready=answers(self.ports.opa, "/health"),
            stops_last=True,
        )

    def upstream(self) -> ChildSpec:
        """The sample application behind Envoy."""
        socket = self.run.upstream_socket
        return ChildSpec(
            name="upstream",
            command=_module("authz.entrypoints.demo.upstream", str(socket), str(self.policies / DATA)),
            environ=self.environ,
            ready=socket_answers(socket, "/healthz"),
        )

    def room(self, descriptor: int, port: int, signature: str) -> ChildSpec:
        """The chat room, on a listening socket that is open already."""
        return ChildSpec(
            name="room",
            command=_module("authz.entrypoints.demo.room", str(descriptor)),
            environ={**self.environ, SIGNATURE: signature},
            ready=answers(port, "/messages"),
            pass_fds=(descriptor,),
        )

    def envoy(self) -> ChildSpec:
        """Envoy, on the configuration that was written before."""
        return ChildSpec(
            name="envoy",
            command=(
                *(str(self.binaries.envoy), "-c", str(self.run.envoy_config), "--log-level", "warning"),
                # Without these it keeps shared memory under a fixed name, which a second Envoy would trip
                # over.
                *("--use-dynamic-base-id", "--disable-hot-restart", "--concurrency", "2"),
            ),
            environ=self.environ,
            ready=answers(self.ports.envoy_admin, "/ready"),
        )

    def holdgate(self, settings: Mapping[str, str]) -> ChildSpec:
        """Holdgate itself: check, notifier and console in one process."""
        return ChildSpec(
            name="holdgate",
            command=_module("authz.entrypoints.cli.main", "serve", "all"),
            # A proxy in the caller's environment is for other people's servers: the chat room is on loopback.
            environ={**self.environ, **settings, "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK},
            ready=answers(self.ports.metrics, "/readyz"),
        )


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)
