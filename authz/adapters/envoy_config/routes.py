"""The route table: one exempt route, those whose checks may stay open, and everything else through a quick check."""

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
from authz.adapters.envoy_config.cors import cors_policy
from authz.adapters.envoy_config.ext_authz import may_wait, not_checked
from authz.adapters.envoy_config.limits import TICKET_STATUS_TIMEOUT
from authz.adapters.envoy_config.plan import TICKET_STATUS_PATH, EnvoyPlan
from authz.adapters.envoy_config.wait_plan import WaitPlan
from authz.domain.reserved_headers import CLIENTS_OWN

HEADERS_KEPT_FROM_UPSTREAM: Final = CLIENTS_OWN
"""Removed on the gated route as well, should the check server ever forget to."""

HEADERS_KEPT_FROM_CONSOLE: Final = ("authorization", "cookie")

WISH_TO_WAIT: Final = r"(?i).*\bwait\b.*"
"""RE2 pattern of a `prefer` header that may ask to wait (RFC 7240); Envoy joins repeated ones with a comma.

It takes in too much rather than too little (`x-wait`, `wait` in a quoted value): all that a route does for a client is
to give it time, and whether anybody waits is the check server's decision."""


def route_table(plan: EnvoyPlan) -> RouteConfiguration:
    """Return the routes of the complete configuration."""
    host = virtual_host(plan)
    host.name = "gated"
    host.domains = ["*"]
    host.routes = [ticket_status_route(plan)]
    if plan.wait is not None:
        # The wish comes last, right before the route that it is for: a header must not lead a request elsewhere.
        host.routes += [_waiting_path(plan, plan.wait, prefix) for prefix in plan.wait.prefixes]
        host.routes.append(_waiting_route(plan, plan.wait))
    host.routes.append(_gated("gated", RouteMatch(prefix="/")))
    return RouteConfiguration(name="holdgate", virtual_hosts=[host])


def virtual_host(plan: EnvoyPlan) -> VirtualHost:
    """Return what every virtual host with gated routes has to have; without origins of other pages that is nothing."""
    return VirtualHost(typed_per_filter_config=cors_policy(plan.cors_origins) if plan.cors_origins else {})


def ticket_status_route(plan: EnvoyPlan) -> Route:
    """Return the one route that is not checked; it leads to the console and nowhere else."""
    timeout = TICKET_STATUS_TIMEOUT if plan.wait is None else plan.wait.status_timeout
    return Route(
        name="ticket_status",
        match=RouteMatch(
            safe_regex=RegexMatcher(regex=TICKET_STATUS_PATH),
            headers=[HeaderMatcher(name=":method", string_match=StringMatcher(exact="GET"))],
        ),
        route=RouteAction(cluster=CONSOLE_CLUSTER, timeout=timedelta(seconds=timeout)),
        typed_per_filter_config=not_checked(),
        request_headers_to_remove=list(HEADERS_KEPT_FROM_CONSOLE),
    )


def each_gated_route() -> Route:
    """Return what every route through the check has in common, whatever it matches and wherever it leads."""
    return Route(request_headers_to_remove=list(HEADERS_KEPT_FROM_UPSTREAM))


def each_waiting_route(plan: EnvoyPlan, wait: WaitPlan) -> Route:
    """Return what makes of a copy of a gated route the one for clients that ask to wait."""
    return Route(match=RouteMatch(headers=[_wish_to_wait()]), typed_per_filter_config=may_wait(plan, wait))


def _waiting_route(plan: EnvoyPlan, wait: WaitPlan) -> Route:
    route = _gated("gated_waiting", RouteMatch(prefix="/", headers=[_wish_to_wait()]))
    route.typed_per_filter_config = may_wait(plan, wait)
    return route


def _waiting_path(plan: EnvoyPlan, wait: WaitPlan, prefix: str) -> Route:
    route = _gated(f"gated_waiting {prefix}", RouteMatch(prefix=prefix))
    route.typed_per_filter_config = may_wait(plan, wait)
    return route


def _wish_to_wait() -> HeaderMatcher:
    return HeaderMatcher(
        name="prefer", string_match=StringMatcher(safe_regex=RegexMatcher(regex=WISH_TO_WAIT))
    )


def _gated(name: str, match: RouteMatch) -> Route:
    route = each_gated_route()
    route.name = name
    route.match = match
    route.route = RouteAction(cluster=UPSTREAM_CLUSTER, timeout=timedelta(0))
    return route
