"""The filter that verifies bearer tokens, so that the check server can take a principal from their claims."""

from __future__ import annotations

import json
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.config.route.v3 import RouteMatch
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import (
    JwtAuthentication,
    JwtHeader,
    JwtRequirement,
    JwtRequirementOrList,
    RequirementRule,
)
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import (
    JwtProvider as EnvoyProvider,
)
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.google.protobuf import Any, Empty

from authz.adapters.envoy_config.plan import JWT_NAMESPACE, JWT_PAYLOAD_KEY, JwtProvider

_PROVIDER: Final = "principal"


def jwt_filter(provider: JwtProvider) -> HttpFilter:
    """Return `extensions.filters.http.jwt_authn.v3.JwtAuthentication` for one issuer.

    A token that is present must be valid (401 otherwise); a request without one goes on, and the policy says what a
    caller without a principal may do.
    """
    known_or_nobody = JwtRequirementOrList(
        requirements=[JwtRequirement(provider_name=_PROVIDER), JwtRequirement(allow_missing=Empty())]
    )
    return HttpFilter(
        name=JWT_NAMESPACE,
        typed_config=Any.pack(
            JwtAuthentication(
                providers={_PROVIDER: _provider(provider)},
                rules=[
                    RequirementRule(
                        match=RouteMatch(prefix="/"), requires=JwtRequirement(requires_any=known_or_nobody)
                    )
                ],
            )
        ),
    )


def _provider(provider: JwtProvider) -> EnvoyProvider:
    return EnvoyProvider(
        issuer=provider.issuer,
        audiences=list(provider.audiences),
        require_expiration=True,
        local_jwks=DataSource(inline_string=json.dumps(json.loads(provider.jwks), separators=(",", ":"))),
        from_headers=[JwtHeader(name="authorization", value_prefix="Bearer ")],
        forward=True,
        payload_in_metadata=JWT_PAYLOAD_KEY,
    )
