"""The route table: one exempt route, and everything else through the check."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.route.v3 import (
    HeaderMatcher,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher

from authz.adapters.envoy_config.clusters import CONSOLE_CLUSTER, UPSTREAM_CLUSTER
from authz.adapters.envoy_config.ext_authz import not_checked
from authz.adapters.envoy_config.limits import TICKET_STATUS_TIMEOUT
from authz.adapters.envoy_config.plan import TICKET_STATUS_PATH
from authz.domain.reserved_headers import CLIENTS_OWN

HEADERS_KEPT_FROM_UPSTREAM: Final = CLIENTS_OWN
"""Removed on the gated route as well, should the check server ever forget to."""

HEADERS_KEPT_FROM_CONSOLE: Final = ("authorization", "cookie")


def route_table() -> RouteConfiguration:
    """Return the routes of the complete configuration."""
    return RouteConfiguration(
        name="holdgate",
        virtual_hosts=[
            VirtualHost(name="gated", domains=["*"], routes=[ticket_status_route(), _gated_route()])
        ],
    )


def ticket_status_route() -> Route:
    """Return the one route that is not checked; it leads to the console and nowhere else."""
    return Route(
        name="ticket_status",
        match=RouteMatch(
            safe_regex=RegexMatcher(regex=TICKET_STATUS_PATH),
            headers=[HeaderMatcher(name=":method", string_match=StringMatcher(exact="GET"))],
        ),
        route=RouteAction(cluster=CONSOLE_CLUSTER, timeout=timedelta(seconds=TICKET_STATUS_TIMEOUT)),
        typed_per_filter_config=not_checked(),
        request_headers_to_remove=list(HEADERS_KEPT_FROM_CONSOLE),
    )


def each_gated_route() -> Route:
    """Return what every route through the check has in common, whatever it matches and wherever it leads."""
    return Route(request_headers_to_remove=list(HEADERS_KEPT_FROM_UPSTREAM))


def _gated_route() -> Route:
    route = each_gated_route()
    route.name = "gated"
    route.match = RouteMatch(prefix="/")
    route.route = RouteAction(cluster=UPSTREAM_CLUSTER, timeout=timedelta(0))
    return route
