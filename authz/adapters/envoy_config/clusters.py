"""The clusters: the check server, the console, the upstream."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    Cluster,
    ClusterCommonLbConfig,
    ClusterDiscoveryType,
    ClusterLbPolicy,
    OutlierDetection,
)
from envoy_data_plane.envoy.config.core.v3 import (
    HealthCheck,
    HealthCheckGrpcHealthCheck,
    Http1ProtocolOptions,
    Http2ProtocolOptions,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsExplicitHttpConfig,
)
from envoy_data_plane.envoy.type.v3 import Percent
from envoy_data_plane.google.protobuf import Any

from authz.adapters.envoy_config import limits
from authz.adapters.envoy_config.addresses import load_assignment
from authz.adapters.envoy_config.endpoint import Endpoint, TcpEndpoint
from authz.adapters.envoy_config.plan import EnvoyPlan
from authz.adapters.envoy_config.tls import client_tls_socket

CHECK_CLUSTER: Final = "holdgate_check"
WAIT_CLUSTER: Final = "holdgate_wait"
CONSOLE_CLUSTER: Final = "holdgate_console"
UPSTREAM_CLUSTER: Final = "upstream"


def check_clusters(plan: EnvoyPlan) -> tuple[Cluster, ...]:
    """Return the check server's worker processes, once for each kind of checks, so that none takes another's room."""
    plain = _check_cluster(plan, CHECK_CLUSTER, plan.max_checks)
    if plan.wait is None:
        return (plain,)
    # A route for waiting has the checks of requests that aren't held, too; the servers answer those beyond their bound.
    return plain, _check_cluster(plan, WAIT_CLUSTER, plan.wait.waiters + plan.max_checks)


def _check_cluster(plan: EnvoyPlan, name: str, at_most: int) -> Cluster:
    return Cluster(
        name=name,
        type=_discovery(plan.check),
        connect_timeout=_seconds(min(limits.CONNECT_TIMEOUT, plan.check_timeout / 2)),
        per_connection_buffer_limit_bytes=limits.CONNECTION_BUFFER,
        lb_policy=ClusterLbPolicy.LEAST_REQUEST,
        load_assignment=load_assignment(name, plan.check),
        health_checks=[_grpc_health()],
        circuit_breakers=_at_most(at_most, retries=16),
        typed_extension_protocol_options=_speaks(http2=True),
        outlier_detection=_outliers() if len(plan.check) > 1 else None,
        common_lb_config=ClusterCommonLbConfig(
            healthy_panic_threshold=Percent(value=0.0), update_merge_window=_seconds(0.0)
        ),
        transport_socket=None if plan.check_tls is None else client_tls_socket(plan.check_tls),
    )


def console_cluster(plan: EnvoyPlan) -> Cluster:
    """Return the console, which answers the ticket status, also to those who wait for it to change."""
    waiters = 0 if plan.wait is None else plan.wait.waiters
    return Cluster(
        name=CONSOLE_CLUSTER,
        type=_discovery((plan.console,)),
        connect_timeout=_seconds(limits.CONNECT_TIMEOUT),
        per_connection_buffer_limit_bytes=limits.CONNECTION_BUFFER,
        load_assignment=load_assignment(CONSOLE_CLUSTER, (plan.console,)),
        circuit_breakers=_at_most(limits.MAX_TICKET_STATUS_REQUESTS + waiters, retries=0),
        typed_extension_protocol_options=_speaks(http2=False),
    )


def upstream_cluster(plan: EnvoyPlan) -> Cluster:
    """Return what is being protected. No retry is possible in it."""
    return Cluster(
        name=UPSTREAM_CLUSTER,
        type=_discovery((plan.upstream,)),
        connect_timeout=_seconds(limits.CONNECT_TIMEOUT),
        per_connection_buffer_limit_bytes=limits.CONNECTION_BUFFER,
        load_assignment=load_assignment(UPSTREAM_CLUSTER, (plan.upstream,)),
        circuit_breakers=_at_most(limits.MAX_UPSTREAM_REQUESTS, retries=0),
        typed_extension_protocol_options=_speaks(http2=plan.upstream_http2),
    )


def _discovery(endpoints: tuple[Endpoint, ...]) -> ClusterDiscoveryType:
    named = any(isinstance(endpoint, TcpEndpoint) and not endpoint.is_ip for endpoint in endpoints)
    return ClusterDiscoveryType.STRICT_DNS if named else ClusterDiscoveryType.STATIC


def _at_most(requests: int, *, retries: int) -> CircuitBreakers:
    return CircuitBreakers(
        thresholds=[
            CircuitBreakersThresholds(
                max_connections=requests,
                max_pending_requests=requests,
                max_requests=requests,
                max_retries=retries,
                track_remaining=True,
            )
        ]
    )


def _speaks(*, http2: bool) -> dict[str, Any]:
    protocol = (
        HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=Http2ProtocolOptions())
        if http2
        else HttpProtocolOptionsExplicitHttpConfig(http_protocol_options=Http1ProtocolOptions())
    )
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": Any.pack(
            HttpProtocolOptions(explicit_http_config=protocol)
        )
    }


def _grpc_health() -> HealthCheck:
    interval = _seconds(limits.HEALTH_INTERVAL)
    return HealthCheck(
        timeout=_seconds(limits.HEALTH_TIMEOUT),
        interval=interval,
        unhealthy_threshold=limits.UNHEALTHY_THRESHOLD,
        healthy_threshold=1,
        grpc_health_check=HealthCheckGrpcHealthCheck(),
        no_traffic_interval=interval,
        no_traffic_healthy_interval=interval,
    )


def _outliers() -> OutlierDetection:
    return OutlierDetection(
        consecutive_5xx=5,
        interval=_seconds(limits.HEALTH_INTERVAL),
        base_ejection_time=_seconds(5.0),
        max_ejection_percent=50,
        enforcing_consecutive_5xx=100,
        enforcing_success_rate=0,
    )


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
