"""The HTTP connection manager: what a client may send, and in which order the filters see it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import (
    CidrRange,
    Http2ProtocolOptions,
    HttpProtocolOptions,
    HttpProtocolOptionsHeadersWithUnderscoresAction,
)
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerForwardClientCertDetails,
    HttpConnectionManagerInternalAddressConfig,
    HttpConnectionManagerPathWithEscapedSlashesAction,
    HttpFilter,
)
from envoy_data_plane.google.protobuf import Any

from authz.adapters.envoy_config import limits
from authz.adapters.envoy_config.access_log import access_log
from authz.adapters.envoy_config.cors import cors_filter
from authz.adapters.envoy_config.ext_authz import ext_authz_filter
from authz.adapters.envoy_config.headers import early_header_mutation
from authz.adapters.envoy_config.jwt import jwt_filter
from authz.adapters.envoy_config.plan import EnvoyPlan

_NO_SOURCE_ADDRESS: Final = CidrRange(address_prefix="255.255.255.255", prefix_len=32)
"""The broadcast address, from which nothing connects. An empty list would mean every private address."""


def gate_options(plan: EnvoyPlan) -> HttpConnectionManager:
    """Return the options and filters that Holdgate needs in any connection manager."""
    return HttpConnectionManager(
        http_filters=_filters(plan),
        common_http_protocol_options=HttpProtocolOptions(
            headers_with_underscores_action=HttpProtocolOptionsHeadersWithUnderscoresAction.REJECT_REQUEST
        ),
        http2_protocol_options=_http2(plan),
        stream_idle_timeout=timedelta(seconds=limits.STREAM_IDLE_TIMEOUT),
        use_remote_address=True,
        early_header_mutation_extensions=[early_header_mutation()],
        internal_address_config=HttpConnectionManagerInternalAddressConfig(cidr_ranges=[_NO_SOURCE_ADDRESS]),
        forward_client_cert_details=HttpConnectionManagerForwardClientCertDetails.SANITIZE,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action=HttpConnectionManagerPathWithEscapedSlashesAction.REJECT_REQUEST,
    )


def edge_manager(plan: EnvoyPlan, routes: RouteConfiguration) -> HttpConnectionManager:
    """Return a whole connection manager: `gate_options`, routes, an access log, and bounds for untrusted clients."""
    manager = gate_options(plan)
    manager.stat_prefix = "holdgate"
    manager.route_config = routes
    manager.common_http_protocol_options = HttpProtocolOptions(
        idle_timeout=timedelta(seconds=limits.DOWNSTREAM_IDLE_TIMEOUT),
        max_headers_count=limits.MAX_REQUEST_HEADERS_COUNT,
        headers_with_underscores_action=HttpProtocolOptionsHeadersWithUnderscoresAction.REJECT_REQUEST,
    )
    manager.http2_protocol_options = _http2(plan)
    manager.http2_protocol_options.max_concurrent_streams = limits.MAX_STREAMS_PER_CONNECTION
    manager.max_request_headers_kb = limits.MAX_REQUEST_HEADERS_KIB
    manager.request_headers_timeout = timedelta(seconds=limits.REQUEST_HEADERS_TIMEOUT)
    manager.access_log = [access_log()]
    return manager


def _http2(plan: EnvoyPlan) -> Http2ProtocolOptions:
    return Http2ProtocolOptions(
        initial_stream_window_size=max(limits.STREAM_WINDOW, plan.body_limit),
        initial_connection_window_size=max(limits.CONNECTION_WINDOW, plan.body_limit),
    )


def _filters(plan: EnvoyPlan) -> list[HttpFilter]:
    pages = [cors_filter()] if plan.cors_origins else []
    verified = [] if plan.jwt is None else [jwt_filter(plan.jwt)]
    router = HttpFilter(name="envoy.filters.http.router", typed_config=Any.pack(Router()))
    return [*pages, *verified, ext_authz_filter(plan), router]
