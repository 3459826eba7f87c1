"""Holdgate's own settings in the demo, as its environment."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from secrets import token_bytes

from authz.entrypoints.demo.people import ISSUER
from authz.entrypoints.demo.ports import LOOPBACK, Ports
from authz.entrypoints.demo.run_directory import RunDirectory
from authz.entrypoints.demo.signing import AUDIENCE
from authz.setting_sources import PREFIX


def gate_environ(run: RunDirectory, ports: Ports, webhook: str) -> dict[str, str]:
    """Return every `HOLDGATE_*` variable of a run. `webhook` is where cards are posted to."""
    return {
        f"{PREFIX}OPA_URL": f"http://{LOOPBACK}:{ports.opa}",
        f"{PREFIX}REDIS_URL": f"unix://{run.redis_socket}",
        # Generous beside the defaults: a laptop may be building something else meanwhile.
        f"{PREFIX}OPA_TIMEOUT": "2s",
        f"{PREFIX}REDIS_TIMEOUT": "1s",
        f"{PREFIX}CHECK_TIMEOUT": "5s",
        # No load balancer has to notice that this one goes: Envoy stops with it.
        f"{PREFIX}DRAIN_DELAY": "0s",
        f"{PREFIX}SHUTDOWN_GRACE": "1s",
        f"{PREFIX}TICKET_KEYS": f"demo:{urlsafe_b64encode(token_bytes(32)).decode()}",
        f"{PREFIX}PRINCIPAL_FROM": "metadata:envoy.filters.http.jwt_authn/jwt/sub",
        # There is no stronger way to sign in to a demo, and rules may be tried out.
        f"{PREFIX}STRONG_SIGN_IN": "demo",
        f"{PREFIX}CHANNELS": json.dumps({"demo-room": {"kind": "teams-workflows", "url": webhook}}),
        f"{PREFIX}ROUTES": json.dumps({"default": ["demo-room"], "prod-changes": ["demo-room"]}),
        f"{PREFIX}PUBLIC_URL": f"http://{LOOPBACK}:{ports.console}",
        f"{PREFIX}GRPC_LISTEN": f"{LOOPBACK}:{ports.check}",
        f"{PREFIX}CONSOLE_LISTEN": f"{LOOPBACK}:{ports.console}",
        f"{PREFIX}METRICS_LISTEN": f"{LOOPBACK}:{ports.metrics}",
        f"{PREFIX}MANAGEMENT_LISTEN": f"unix:{run.management_socket}",
        f"{PREFIX}ENVOY_LISTEN": f"{LOOPBACK}:{ports.envoy}",
        f"{PREFIX}ENVOY_ADMIN": f"{LOOPBACK}:{ports.envoy_admin}",
        f"{PREFIX}ENVOY_UPSTREAM": f"unix:{run.upstream_socket}",
        f"{PREFIX}ENVOY_JWT_ISSUER": ISSUER,
        f"{PREFIX}ENVOY_JWT_AUDIENCES": AUDIENCE,
        f"{PREFIX}ENVOY_JWT_JWKS_FILE": str(run.jwks),
        f"{PREFIX}DEMO": str(run.context),
    }


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without anybody's Holdgate settings: the demo has its own."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
