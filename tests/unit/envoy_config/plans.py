"""Plans for tests: the one behind the shipped examples, and one of every kind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from authz.adapters.envoy_config.endpoint import TcpEndpoint, UnixEndpoint
from authz.adapters.envoy_config.plan import ClientTls, EnvoyPlan, JwtProvider
from authz.adapters.envoy_config.wait_plan import WaitPlan

PUBLIC_KEY: Final = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}  # RFC 7515, appendix A.3

PROVIDER: Final = JwtProvider(
    issuer="https://issuer.test", audiences=("gate",), jwks=json.dumps({"keys": [PUBLIC_KEY]}, indent=2)
)


def plan() -> EnvoyPlan:
    """Return the plan of settings that say nothing."""
    return EnvoyPlan(
        listen=TcpEndpoint("127.0.0.1", 10000),
        admin=TcpEndpoint("127.0.0.1", 9901),
        check=(TcpEndpoint("127.0.0.1", 9191),),
        console=TcpEndpoint("127.0.0.1", 8088),
        upstream=TcpEndpoint("127.0.0.1", 8080),
        check_timeout=0.5,
        body_limit=65_536,
        grpc_max_message=8 * 1024 * 1024,
        wait=WaitPlan(longest=60.0, waiters=1000),
    )


def every_kind(pem: Path) -> dict[str, EnvoyPlan]:
    """Return plans that between them use every option; `pem` is the folder of cert.pem, key.pem and ca.pem."""
    tls = ClientTls(
        certificate=str(pem / "cert.pem"),
        private_key=str(pem / "key.pem"),
        trusted_ca=str(pem / "ca.pem"),
        server_name="check.test",
    )
    return {
        "plain": plan(),
        "no body": replace(plan(), body_limit=0),
        "large body": replace(plan(), body_limit=4 * 1024 * 1024),
        "workers": replace(
            plan(), check=tuple(TcpEndpoint("127.0.0.1", 9191 + worker) for worker in range(4))
        ),
        "unix": replace(plan(), check=(UnixEndpoint("/run/a.sock"),), console=UnixEndpoint("/run/b.sock")),
        "names": replace(
            plan(), check=(TcpEndpoint("localhost", 9191),), upstream=TcpEndpoint("app.test", 80)
        ),
        "ipv6": replace(plan(), listen=TcpEndpoint("::", 10000), admin=TcpEndpoint("::1", 9901)),
        "tokens": replace(plan(), jwt=PROVIDER, metadata_namespaces=("envoy.filters.http.jwt_authn", "mine")),
        "tls": replace(plan(), check=(TcpEndpoint("check.test", 9191),), check_tls=tls),
        "http2": replace(plan(), upstream_http2=True),
        "no waiting": replace(plan(), wait=None),
        "waiting paths": replace(
            plan(), wait=WaitPlan(longest=20.0, waiters=5, prefixes=("/deploy/", "/v1/keys"))
        ),
        "pages": replace(plan(), jwt=PROVIDER, cors_origins=("https://app.test", "http://127.0.0.1:3000")),
    }
