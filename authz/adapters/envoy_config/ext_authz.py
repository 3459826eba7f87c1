"""The ext_authz filter and the verification of tokens before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import (
    ApiVersion,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    RetryPolicy,
    RetryPolicyRetryHostPredicate,
)
from envoy_data_plane.envoy.extensions.filters.http.ext_authz.v3 import (
    BufferSettings,
    CheckSettings,
    ExtAuthz,
    ExtAuthzPerRoute,
)
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts.v3 import PreviousHostsPredicate
from envoy_data_plane.envoy.type.v3 import HttpStatus, StatusCode
from envoy_data_plane.google.protobuf import Any

from authz.adapters.envoy_config.clusters import CHECK_CLUSTER, WAIT_CLUSTER
from authz.adapters.envoy_config.plan import EnvoyPlan
from authz.adapters.envoy_config.wait_plan import WaitPlan

EXT_AUTHZ: Final = "envoy.filters.http.ext_authz"

_RPC_RETRY_ON: Final = "connect-failure,refused-stream,reset-before-request"
"""The cases in which the check server certainly saw nothing of the Check."""

_HOST_ATTEMPTS: Final = 20
"""How often Envoy draws a worker for that one more try until it is another one, and then takes the one that failed
all the same. Of two workers each draw finds the dead one half of the time: after 3 draws every 16th request was
refused (measured)."""


def ext_authz_filter(plan: EnvoyPlan) -> HttpFilter:
    """Return the filter that asks Holdgate (`extensions.filters.http.ext_authz.v3.ExtAuthz`)."""
    return HttpFilter(
        name=EXT_AUTHZ,
        typed_config=Any.pack(
            ExtAuthz(
                grpc_service=_check_service(plan, CHECK_CLUSTER, plan.check_timeout),
                transport_api_version=ApiVersion.V3,
                failure_mode_allow=False,
                status_on_error=HttpStatus(code=StatusCode.ServiceUnavailable),
                with_request_body=_body(plan.body_limit),
                clear_route_cache=False,
                metadata_context_namespaces=list(plan.claims_namespaces),
                include_peer_certificate=True,
                include_tls_session=True,
                encode_raw_headers=True,
                validate_mutations=True,
            )
        ),
    )


def not_checked() -> dict[str, Any]:
    """Return the per-route configuration that exempts a route from the check."""
    return {EXT_AUTHZ: Any.pack(ExtAuthzPerRoute(disabled=True))}


def may_wait(plan: EnvoyPlan, wait: WaitPlan) -> dict[str, Any]:
    """Return the per-route configuration that lets checks stay open; all else is as the filter's."""
    service = _check_service(plan, WAIT_CLUSTER, wait.longest + plan.check_timeout)
    return {EXT_AUTHZ: Any.pack(ExtAuthzPerRoute(check_settings=CheckSettings(grpc_service=service)))}


def _check_service(plan: EnvoyPlan, cluster: str, timeout: float) -> GrpcService:
    return GrpcService(
        envoy_grpc=GrpcServiceEnvoyGrpc(
            cluster_name=cluster, max_receive_message_length=plan.grpc_max_message
        ),
        timeout=timedelta(seconds=timeout),
        retry_policy=RetryPolicy(
            retry_on=_RPC_RETRY_ON,
            num_retries=1,
            retry_host_predicate=[
                RetryPolicyRetryHostPredicate(
                    name="envoy.retry_host_predicates.previous_hosts",
                    typed_config=Any.pack(PreviousHostsPredicate()),
                )
            ],
            host_selection_retry_max_attempts=_HOST_ATTEMPTS,
        ),
    )


def _body(limit: int) -> BufferSettings | None:
    if not limit:
        return None
    return BufferSettings(max_request_bytes=limit, allow_partial_message=True, pack_as_bytes=True)
