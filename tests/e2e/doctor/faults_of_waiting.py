"""Faults of the routes whose checks may stay open, and of their cluster."""

from __future__ import annotations

from typing import Final

from tests.e2e.doctor.fault import add_route, fault, per_route
from tests.e2e.envoy_config.stack import Document, cluster, ext_authz, manager, route, routes

_EXT_AUTHZ: Final = "envoy.filters.http.ext_authz"
_WISH: Final = {"name": "prefer", "string_match": {"contains": "wait"}}


def _service(document: Document) -> Document:
    """Return the gRPC service of checks that may wait."""
    config = route(document, "gated_waiting")["typed_per_filter_config"][_EXT_AUTHZ]
    found: Document = config["check_settings"]["grpc_service"]
    return found


@fault("envoy-wait-missing")
def nobody_may_wait(document: Document) -> None:
    routes(document).remove(route(document, "gated_waiting"))


@fault("envoy-wait-cut")
def a_stream_that_ends_before_the_wait(document: Document) -> None:
    manager(document)["stream_idle_timeout"] = "60s"


@fault("envoy-wait-cut")
def a_route_that_ends_before_the_wait(document: Document) -> None:
    for name in ("gated_waiting", "gated"):
        route(document, name)["route"]["idle_timeout"] = "30s"


@fault("envoy-wait-cut")
def a_longest_duration_of_all_streams(document: Document) -> None:
    manager(document)["common_http_protocol_options"]["max_stream_duration"] = "60s"


@fault("envoy-wait-timeout-differs")
def too_little_time_to_wait(document: Document) -> None:
    _service(document)["timeout"] = "10s"


@fault("envoy-wait-cut", "envoy-wait-timeout-differs")
def any_time_to_wait(document: Document) -> None:
    _service(document)["timeout"] = "0s"


@fault("envoy-wait-shared-cluster")
def waiters_among_all_others(document: Document) -> None:
    _service(document)["envoy_grpc"]["cluster_name"] = "holdgate_check"


@fault("envoy-wait-shared-cluster", "envoy-timeout-differs", HOLDGATE_MAX_WAIT="10s")
def a_long_timeout_for_everybody(document: Document) -> None:
    ext_authz(document)["grpc_service"]["timeout"] = "10.5s"


@fault("envoy-wait-elsewhere")
def a_wish_that_leads_to_another_upstream(document: Document) -> None:
    route(document, "gated_waiting")["route"]["cluster"] = "holdgate_console"


@fault("envoy-wait-elsewhere")
def a_route_between_the_wish_and_its_own(document: Document) -> None:
    admin: Document = {**route(document, "gated"), "name": "admin", "match": {"prefix": "/admin"}}
    routes(document).insert(-1, admin)


@fault("envoy-header-unbound")
def a_wish_that_chooses_without_waiting(document: Document) -> None:
    add_route(
        document,
        "mine",
        {"prefix": "/", "headers": [_WISH]},
        typed_per_filter_config=per_route(check_settings={}),
    )


@fault("envoy-check-cluster-unknown")
def a_cluster_for_waiting_that_is_not_there(document: Document) -> None:
    _service(document)["envoy_grpc"]["cluster_name"] = "not_yet"


@fault("envoy-check-health-unchecked")
def no_health_checks_of_those_that_wait(document: Document) -> None:
    cluster(document, "holdgate_wait").pop("health_checks")


@fault("envoy-checks-below-room")
def less_room_than_waiters(document: Document) -> None:
    cluster(document, "holdgate_wait")["circuit_breakers"]["thresholds"][0]["max_requests"] = 128


@fault("envoy-checks-beyond-room")
def more_waiters_than_there_is_room_for(document: Document) -> None:
    cluster(document, "holdgate_wait")["circuit_breakers"]["thresholds"][0]["max_requests"] = 5000
