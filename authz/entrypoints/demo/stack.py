"""Brings the parts up: everything at the same time that doesn't need another."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from authz.entrypoints.demo.child import Child
from authz.entrypoints.demo.conditions import sees_check_server
from authz.entrypoints.demo.context import DemoContext
from authz.entrypoints.demo.errors import DemoRefused
from authz.entrypoints.demo.gate_settings import gate_environ
from authz.entrypoints.demo.own_command import own_command
from authz.entrypoints.demo.parts import Parts
from authz.entrypoints.demo.people import SamplePerson
from authz.entrypoints.demo.ports import LOOPBACK
from authz.entrypoints.demo.signing import SigningKey
from authz.entrypoints.demo.supervisor import Supervisor
from authz.entrypoints.demo.together import together
from authz.entrypoints.demo.workflows_receiver import WorkflowsReceiver

CHECK_CLUSTER = "holdgate_check"
"""As the Envoy configuration calls it; its module takes a second to import."""


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Stack:
    """One run's servers. `sign_in_key` is what the console's one-time addresses are made with."""

    parts: Parts
    people: Mapping[str, SamplePerson]
    key: SigningKey = field(default_factory=SigningKey.new, repr=False)
    sign_in_key: str = field(default_factory=_secret, repr=False)

    @property
    def console(self) -> str:
        """The address of the console, as people reach it."""
        return f"http://{LOOPBACK}:{self.parts.ports.console}"

    async def start(self, supervisor: Supervisor) -> int:
        """Start all of them and return the port of the chat room once a request is judged on its way through.

        Raises ChildDied, ChildNotReady, or DemoRefused when there can be no configuration for Envoy.
        """
        run = self.parts.run
        run.write_private(run.signing_key, self.key.jwk)
        run.write_private(run.jwks, self.key.jwks())
        signature = _secret()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
            listening.bind((LOOPBACK, 0))
            listening.listen()
            port: int = listening.getsockname()[1]
            webhook = f"http://{LOOPBACK}:{port}{WorkflowsReceiver(signature).path()}"
            settings = gate_environ(run, self.parts.ports, webhook)
            room = self.parts.room(listening.fileno(), port, signature)
            envoy, *_ = await together(
                self._start_edge(supervisor, settings),
                self._start_gate(supervisor, settings),
                supervisor.start(self.parts.upstream()),
                supervisor.start(room),
            )
        await supervisor.until(envoy, sees_check_server(self.parts.ports.envoy_admin, CHECK_CLUSTER))
        return port

    async def _start_gate(self, supervisor: Supervisor, settings: Mapping[str, str]) -> Child:
        """Holdgate needs to be told the process ids of Redis and OPA, and refuses to start without Redis."""
        redis, opa = await together(supervisor.start(self.parts.redis()), supervisor.start(self.parts.opa()))
        self._tell(redis, opa)
        return await supervisor.start(self.parts.holdgate(settings))

    async def _start_edge(self, supervisor: Supervisor, settings: Mapping[str, str]) -> Child:
        run = self.parts.run
        # A process rather than a thread: it takes seconds of a processor, and has to end on Ctrl-C.
        made = await own_command({**self.parts.environ, **settings}, "envoy-config", "--format", "json")
        if made.code:
            raise DemoRefused(f"Envoy's configuration can't be made: {made.complaints}")
        run.write_private(run.envoy_config, made.printed)
        return await supervisor.start(self.parts.envoy())

    def _tell(self, redis: Child, opa: Child) -> None:
        context = DemoContext(
            sign_in_key=self.sign_in_key,
            console=self.console,
            demo_pid=os.getpid(),
            redis_pid=redis.pid,
            opa_pid=opa.pid,
            people=tuple(self.people.values()),
            jwks=self.key.jwks(),
        )
        self.parts.run.write_private(self.parts.run.context, context.to_json())
