"""The parts that an Envoy of one's own needs."""

from __future__ import annotations

from dataclasses import dataclass

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import Route, VirtualHost
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from authz.adapters.envoy_config.clusters import check_clusters, console_cluster
from authz.adapters.envoy_config.connection_manager import gate_options
from authz.adapters.envoy_config.limits import DEFAULT_CONNECTION_BUFFER
from authz.adapters.envoy_config.plan import EnvoyPlan
from authz.adapters.envoy_config.routes import (
    each_gated_route,
    each_waiting_route,
    ticket_status_route,
    virtual_host,
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """Things to merge, in the order in which the rendered text has them.

    `listener` and `http_connection_manager` have only what is to be merged into existing ones; `first_route` goes
    before all other routes; `each_gated_route` is merged into every route to what is protected, `each_waiting_route`
    (None where no check may wait) into a copy of each, right before it; `virtual_host` (None where pages of no other
    origin are let in) is merged into the virtual host; `clusters` are added.
    """

    listener: Listener
    http_connection_manager: HttpConnectionManager
    first_route: Route
    each_gated_route: Route
    each_waiting_route: Route | None
    virtual_host: VirtualHost | None
    clusters: tuple[Cluster, ...]


def fragment(plan: EnvoyPlan) -> Fragment:
    """Return what to merge into an existing Envoy configuration; it ignores where `plan` listens and leads."""
    return Fragment(
        listener=Listener(per_connection_buffer_limit_bytes=max(DEFAULT_CONNECTION_BUFFER, plan.body_limit)),
        http_connection_manager=gate_options(plan),
        first_route=ticket_status_route(plan),
        each_gated_route=each_gated_route(),
        each_waiting_route=None if plan.wait is None else each_waiting_route(plan, plan.wait),
        virtual_host=virtual_host(plan) if plan.cors_origins else None,
        clusters=(*check_clusters(plan), console_cluster(plan)),
    )
