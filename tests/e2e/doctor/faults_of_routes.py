"""Faults of routes, and of the clusters behind them."""

from __future__ import annotations

from tests.e2e.doctor.fault import FILTERS, add_route, fault, gated, listener, per_route
from tests.e2e.envoy_config.stack import Document, cluster, ext_authz, manager, route, routes


def _retrying(document: Document) -> None:
    """Our upstream's circuit breaker stops every retry; these faults are about Envoys without it."""
    cluster(document, "upstream").pop("circuit_breakers")


@fault("envoy-route-exempt")
def an_exempt_route(document: Document) -> None:
    add_route(document, "health", {"path": "/healthz"}, typed_per_filter_config=per_route(disabled=True))


@fault("envoy-exempt-by-header")
def exempt_for_who_sends_a_header(document: Document) -> None:
    match = {"prefix": "/", "headers": [{"name": "x-internal", "present_match": True}]}
    add_route(document, "internal", match, typed_per_filter_config=per_route(disabled=True))


@fault("envoy-nothing-gated", "envoy-route-exempt", HOLDGATE_MAX_WAITERS="0")
def everything_exempt(document: Document) -> None:
    host = manager(document)["route_config"]["virtual_hosts"][0]
    host["typed_per_filter_config"] = per_route(disabled=True)


@fault("envoy-ticket-status-missing")
def no_ticket_status(document: Document) -> None:
    routes(document).pop(0)


@fault("envoy-ticket-status-missing", "envoy-route-exempt", "envoy-ticket-kept")
def the_ticket_status_leads_elsewhere(document: Document) -> None:
    route(document, "ticket_status")["route"]["cluster"] = "upstream"


@fault("envoy-ticket-kept")
def the_ticket_reaches_the_upstream(document: Document) -> None:
    for each in gated(document):
        each.pop("request_headers_to_remove")


@fault("envoy-own-headers-changed")
def our_header_removed_on_a_route(document: Document) -> None:
    for each in gated(document):
        each["request_headers_to_remove"].append("x-approval-by")


@fault("envoy-header-unbound")
def a_header_chooses_the_route(document: Document) -> None:
    match = {"prefix": "/hr", "headers": [{"name": "X-Env", "string_match": {"exact": "prod"}}]}
    add_route(document, "prod", match)


@fault("envoy-header-unbound")
def a_header_names_the_cluster(document: Document) -> None:
    add_route(document, "chosen", {"prefix": "/c"}, route={"cluster_header": "x-cluster", "timeout": "0s"})


@fault("envoy-route-by-chance")
def a_canary(document: Document) -> None:
    clusters = [{"name": "upstream", "weight": 90}, {"name": "holdgate_console", "weight": 10}]
    add_route(
        document,
        "canary",
        {"prefix": "/c"},
        route={"weighted_clusters": {"clusters": clusters}, "timeout": "0s"},
    )


@fault("envoy-body-hidden")
def no_body_shown(document: Document) -> None:
    ext_authz(document).pop("with_request_body")


@fault("envoy-body-hidden")
def buffering_off_on_a_route(document: Document) -> None:
    off = per_route(check_settings={"disable_request_body_buffering": True})
    add_route(document, "stream", {"prefix": "/s"}, typed_per_filter_config=off)


@fault("envoy-body-limit-smaller")
def bodies_cut_earlier_than_told(document: Document) -> None:
    ext_authz(document)["with_request_body"]["max_request_bytes"] = 1024


@fault("envoy-body-limit-larger")
def more_of_a_body_than_told(document: Document) -> None:
    body = {"max_request_bytes": 65_536 * 2, "allow_partial_message": True, "pack_as_bytes": True}
    larger = per_route(check_settings={"with_request_body": body})
    add_route(document, "uploads", {"prefix": "/u"}, typed_per_filter_config=larger)
    manager(document)["http2_protocol_options"]["initial_stream_window_size"] = 65_536 * 2
    listener(document)["per_connection_buffer_limit_bytes"] = 65_536 * 2


@fault("envoy-retries")
def retries_on_a_route(document: Document) -> None:
    _retrying(document)
    for each in gated(document):
        each["route"]["retry_policy"] = {"retry_on": "5xx", "num_retries": 3}


@fault("envoy-retries")
def retries_on_a_virtual_host(document: Document) -> None:
    _retrying(document)
    host = manager(document)["route_config"]["virtual_hosts"][0]
    host["retry_policy"] = {"retry_on": "connect-failure,gateway-error"}


@fault("envoy-retries")
def retries_in_the_cluster(document: Document) -> None:
    _retrying(document)
    options = cluster(document, "upstream")["typed_extension_protocol_options"]
    options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["retry_policy"] = {"retry_on": "reset"}


@fault("envoy-retries-unsent")
def retries_of_what_was_never_sent(document: Document) -> None:
    _retrying(document)
    for each in gated(document):
        each["route"]["retry_policy"] = {"retry_on": "connect-failure"}


@fault("envoy-hedging")
def hedging(document: Document) -> None:
    for each in gated(document):
        each["route"]["hedge_policy"] = {"hedge_on_per_try_timeout": True}


@fault("envoy-mirror")
def a_mirror(document: Document) -> None:
    for each in gated(document):
        each["route"]["request_mirror_policies"] = [{"cluster": "holdgate_console"}]


@fault("envoy-route-upgrade")
def websockets_on_a_route(document: Document) -> None:
    for each in gated(document):
        each["route"]["upgrade_configs"] = [{"upgrade_type": "websocket"}]


@fault("envoy-request-changed-upstream")
def the_cluster_changes_headers(document: Document) -> None:
    options = cluster(document, "upstream")["typed_extension_protocol_options"]
    mutation = {
        "@type": f"{FILTERS}.header_mutation.v3.HeaderMutation",
        "mutations": {"request_mutations": [{"remove": "x-tenant"}]},
    }
    codec = {"@type": f"{FILTERS}.upstream_codec.v3.UpstreamCodec"}
    options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["http_filters"] = [
        {"name": "late", "typed_config": mutation},
        {"name": "envoy.filters.http.upstream_codec", "typed_config": codec},
    ]
