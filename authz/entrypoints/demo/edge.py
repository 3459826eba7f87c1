"""The Envoy configuration of a run, from the settings that Holdgate itself gets."""

from __future__ import annotations

from pathlib import Path

from authz.adapters.envoy_config.endpoint import parse_endpoint
from authz.adapters.envoy_config.plan import EnvoyPlan, JwtProvider
from authz.settings import Settings


def edge_config(settings: Settings) -> str:
    """Return Envoy's bootstrap as JSON. Takes about a second, most of it to import Envoy's messages."""
    from authz.adapters.envoy_config.render import render  # noqa: PLC0415 - a second, while the servers start

    return render(_plan(settings), "bootstrap", "json")


def _plan(settings: Settings) -> EnvoyPlan:
    check = settings.check_endpoints or (settings.grpc_listen,)
    return EnvoyPlan(
        listen=parse_endpoint(settings.envoy_listen),
        admin=parse_endpoint(settings.envoy_admin),
        check=tuple(parse_endpoint(endpoint) for endpoint in check),
        console=parse_endpoint(settings.console_listen),
        upstream=parse_endpoint(settings.envoy_upstream),
        check_timeout=settings.check_timeout / 1000,
        body_limit=settings.body_limit,
        grpc_max_message=settings.max_check_bytes,
        jwt=JwtProvider(
            issuer=settings.envoy_jwt_issuer,
            audiences=settings.envoy_jwt_audiences,
            jwks=Path(settings.envoy_jwt_jwks_file).read_text(encoding="utf-8"),
        ),
    )
