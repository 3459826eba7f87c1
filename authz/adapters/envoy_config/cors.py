"""Pages on other origins: what a browser may send to the gate, and what it may let them read of the answer.

Source: the Fetch standard, section 3.3 (CORS protocol).
"""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import Cors, CorsPolicy
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any

from authz.adapters.envoy_config.limits import PREFLIGHT_MAX_AGE
from authz.domain.reserved_headers import APPROVAL_ID, CLIENTS_OWN, TICKET

CORS: Final = "envoy.filters.http.cors"

ALLOWED_HEADERS: Final = ("authorization", "content-type", "prefer", *CLIENTS_OWN)
EXPOSED_HEADERS: Final = (TICKET, APPROVAL_ID, "link", "preference-applied", "retry-after")
ALLOWED_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def cors_filter() -> HttpFilter:
    """Return the filter that answers preflights; what it allows is the virtual host's `cors_policy`."""
    return HttpFilter(name=CORS, typed_config=Any.pack(Cors()))


def cors_policy(origins: tuple[str, ...]) -> dict[str, Any]:
    """Return the per-route configuration that lets pages on these exact origins in, with credentials."""
    return {
        CORS: Any.pack(
            CorsPolicy(
                allow_origin_string_match=[StringMatcher(exact=origin) for origin in origins],
                allow_methods=", ".join(ALLOWED_METHODS),
                allow_headers=", ".join(ALLOWED_HEADERS),
                expose_headers=", ".join(EXPOSED_HEADERS),
                max_age=str(PREFLIGHT_MAX_AGE),
                allow_credentials=True,
            )
        )
    }
