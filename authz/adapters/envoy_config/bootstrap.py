"""The complete configuration: one listener in front of one upstream."""

from __future__ import annotations

from envoy_data_plane.envoy.config.bootstrap.v3 import Admin, Bootstrap, BootstrapStaticResources
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.overload.v3 import OverloadManager, ResourceMonitor
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections.v3 import (
    DownstreamConnectionsConfig,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any

from authz.adapters.envoy_config import limits
from authz.adapters.envoy_config.addresses import address
from authz.adapters.envoy_config.clusters import check_clusters, console_cluster, upstream_cluster
from authz.adapters.envoy_config.connection_manager import edge_manager
from authz.adapters.envoy_config.plan import EnvoyPlan
from authz.adapters.envoy_config.routes import route_table


def bootstrap(plan: EnvoyPlan) -> Bootstrap:
    """Return `config.bootstrap.v3.Bootstrap`, ready for `envoy -c`."""
    waiters = 0 if plan.wait is None else plan.wait.waiters
    return Bootstrap(
        static_resources=BootstrapStaticResources(
            listeners=[_listener(plan)],
            clusters=[*check_clusters(plan), console_cluster(plan), upstream_cluster(plan)],
        ),
        admin=Admin(
            address=address(plan.admin),
            ignore_global_conn_limit=True,
            allow_paths=[
                *(
                    StringMatcher(exact=path)
                    for path in ("/ready", "/clusters", "/server_info", "/listeners")
                ),
                *(StringMatcher(prefix=path) for path in ("/stats", "/config_dump")),
            ],
        ),
        overload_manager=OverloadManager(
            resource_monitors=[
                ResourceMonitor(
                    name="envoy.resource_monitors.global_downstream_max_connections",
                    typed_config=Any.pack(
                        DownstreamConnectionsConfig(
                            max_active_downstream_connections=limits.MAX_CLIENT_CONNECTIONS + waiters
                        )
                    ),
                )
            ]
        ),
    )


def _listener(plan: EnvoyPlan) -> Listener:
    manager = edge_manager(plan, route_table(plan))
    return Listener(
        name="gate",
        address=address(plan.listen),
        filter_chains=[
            FilterChain(
                filters=[
                    Filter(
                        name="envoy.filters.network.http_connection_manager", typed_config=Any.pack(manager)
                    )
                ]
            )
        ],
        per_connection_buffer_limit_bytes=max(limits.CONNECTION_BUFFER, plan.body_limit),
        enable_reuse_port=False,
    )
