"""Ways to set up an Envoy wrongly, each a change of our own bootstrap, and the codes that name it.

Unit tests judge them as documents, end-to-end tests as what a real Envoy says it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.envoy_config.stack import Document, cluster, ext_authz, manager, route, routes

_EXT_AUTHZ = "envoy.filters.http.ext_authz"
_PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"


@dataclass(frozen=True, slots=True)
class Fault:
    """`codes` are exactly those that the change adds to what is said of our own configuration."""

    name: str
    codes: frozenset[str]
    change: Callable[[Document], object]
    settings: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


FAULTS: list[Fault] = []


def fault(
    *codes: str, **settings: str
) -> Callable[[Callable[[Document], object]], Callable[[Document], object]]:
    """Enter a change into the list by its name."""

    def enter(change: Callable[[Document], object]) -> Callable[[Document], object]:
        FAULTS.append(Fault(change.__name__, frozenset(codes), change, settings))
        return change

    return enter


def per_route(**fields: Any) -> Document:  # noqa: ANN401 - protobuf JSON
    """Return `typed_per_filter_config` for ext_authz."""
    return {_EXT_AUTHZ: {"@type": _PER_ROUTE, **fields}}


def add_route(document: Document, name: str, match: Document, **fields: Any) -> Document:  # noqa: ANN401 - as above
    """Put a gated route, hardened like ours, before the last one."""
    added: Document = {
        "name": name,
        "match": match,
        "route": {"cluster": "upstream", "timeout": "0s"},
        "request_headers_to_remove": ["x-approval-ticket"],
        **fields,
    }
    routes(document).insert(-1, added)
    return added


def add_filter(document: Document, name: str, config: Document, place: int) -> None:
    manager(document)["http_filters"].insert(place, {"name": name, "typed_config": config})


def listener(document: Document) -> Document:
    found: Document = document["static_resources"]["listeners"][0]
    return found


def _retrying(document: Document) -> None:
    """Our upstream's circuit breaker stops every retry; these faults are about Envoys without it."""
    cluster(document, "upstream").pop("circuit_breakers")


# --- The filter -------------------------------------------------------------------------------------------------


@fault("envoy-failure-mode-allow")
def failure_mode_allow(document: Document) -> None:
    ext_authz(document)["failure_mode_allow"] = True


@fault("envoy-gate-partly-enabled")
def half_of_the_requests_checked(document: Document) -> None:
    ext_authz(document)["filter_enabled"] = {"default_value": {"numerator": 50, "denominator": "HUNDRED"}}


@fault("envoy-headers-withheld")
def only_some_headers_shown(document: Document) -> None:
    ext_authz(document)["allowed_headers"] = {"patterns": [{"exact": "authorization"}]}


@fault("envoy-route-cache-cleared")
def route_cache_cleared(document: Document) -> None:
    ext_authz(document)["clear_route_cache"] = True


@fault("envoy-body-as-text")
def body_as_text(document: Document) -> None:
    ext_authz(document)["with_request_body"]["pack_as_bytes"] = False


@fault("envoy-partial-body-refused")
def partial_bodies_refused(document: Document) -> None:
    ext_authz(document)["with_request_body"]["allow_partial_message"] = False


@fault("envoy-status-on-error")
def outage_looks_like_denial(document: Document) -> None:
    ext_authz(document).pop("status_on_error")


@fault("envoy-headers-not-raw")
def headers_joined(document: Document) -> None:
    ext_authz(document)["encode_raw_headers"] = False


@fault("envoy-mutations-unvalidated")
def mutations_unvalidated(document: Document) -> None:
    ext_authz(document)["validate_mutations"] = False


@fault("envoy-mutations-limited")
def mutations_limited(document: Document) -> None:
    ext_authz(document)["decoder_header_mutation_rules"] = {"disallow_all": True}


@fault("envoy-answer-cut")
def answers_cut(document: Document) -> None:
    ext_authz(document)["max_denied_response_body_bytes"] = 64


@fault("envoy-metadata-dropped")
def metadata_dropped(document: Document) -> None:
    ext_authz(document)["enable_dynamic_metadata_ingestion"] = False


@fault("envoy-claims-missing", HOLDGATE_PRINCIPAL_FROM="metadata:my.claims/sub")
def claims_not_passed_on(document: Document) -> None:
    ext_authz(document).pop("metadata_context_namespaces")


@fault("envoy-timeout-differs")
def another_timeout(document: Document) -> None:
    ext_authz(document)["grpc_service"]["timeout"] = "1s"


@fault("envoy-timeout-tight")
def the_filters_default_timeout(document: Document) -> None:
    ext_authz(document)["grpc_service"].pop("timeout")


# --- Filters around it ------------------------------------------------------------------------------------------


@fault("envoy-request-changed-after")
def headers_changed_after_the_check(document: Document) -> None:
    mutations = {"request_mutations": [{"remove": "x-tenant"}]}
    config = {"@type": f"{_FILTERS}.header_mutation.v3.HeaderMutation", "mutations": mutations}
    add_filter(document, "late", config, -1)


@fault("envoy-no-gate")
def no_gate(document: Document) -> None:
    filters = manager(document)["http_filters"]
    filters[:] = [each for each in filters if each["name"] != _EXT_AUTHZ]
    routes(document)[0].pop("typed_per_filter_config")


@fault("envoy-bypass")
def a_second_listener_without_a_gate(document: Document) -> None:
    address = {"pipe": {"path": f"@bypass-{listener(document)['address']['socket_address']['port_value']}"}}
    connection_manager = {
        "@type": manager(document)["@type"],
        "stat_prefix": "beside",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}],
                }
            ]
        },
        "http_filters": [manager(document)["http_filters"][-1]],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connection_manager}]
    document["static_resources"]["listeners"].append(
        {"name": "beside", "address": address, "filter_chains": [{"filters": filters}]}
    )


# --- The connection manager -------------------------------------------------------------------------------------


@fault("envoy-path-not-normalized")
def paths_raw(document: Document) -> None:
    manager(document)["normalize_path"] = False


@fault("envoy-slashes-not-merged")
def slashes_not_merged(document: Document) -> None:
    manager(document)["merge_slashes"] = False


@fault("envoy-escaped-slashes")
def escaped_slashes_unescaped(document: Document) -> None:
    manager(document)["path_with_escaped_slashes_action"] = "UNESCAPE_AND_FORWARD"


@fault("envoy-escaped-slashes-kept")
def escaped_slashes_kept(document: Document) -> None:
    manager(document)["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED"


@fault("envoy-upgrade")
def websockets(document: Document) -> None:
    manager(document)["upgrade_configs"] = [{"upgrade_type": "websocket"}]


@fault("envoy-answers-rewritten")
def answers_rewritten(document: Document) -> None:
    manager(document)["local_reply_config"] = {"body_format": {"text_format": "no"}}


@fault("envoy-log-secrets")
def tickets_in_the_log(document: Document) -> None:
    log = manager(document)["access_log"][0]["typed_config"]["log_format"]["json_format"]
    log["ticket"] = "%REQ(X-Approval-Ticket)%"


@fault("envoy-buffer-small")
def a_small_window(document: Document) -> None:
    manager(document)["http2_protocol_options"]["initial_stream_window_size"] = 65_535


@fault("envoy-buffer-small")
def a_small_buffer(document: Document) -> None:
    listener(document)["per_connection_buffer_limit_bytes"] = 32_768


@fault("envoy-underscores")
def underscores_allowed(document: Document) -> None:
    manager(document)["common_http_protocol_options"].pop("headers_with_underscores_action")


@fault("envoy-own-headers-kept")
def own_headers_not_stripped(document: Document) -> None:
    mutations = manager(document)["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    mutations[:] = mutations[-1:]


@fault("envoy-ticket-stripped-early")
def the_ticket_stripped_as_well(document: Document) -> None:
    mutations = manager(document)["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    mutations.append({"remove_on_match": {"key_matcher": {"prefix": "x-approval-"}}})


@fault("envoy-internal-clients")
def private_addresses_trusted(document: Document) -> None:
    mutations = manager(document)["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    mutations.pop()
    manager(document)["internal_address_config"] = {
        "cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]
    }


@fault("envoy-internal-clients")
def an_empty_list_of_internal_addresses(document: Document) -> None:
    mutations = manager(document)["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    mutations.pop()
    manager(document)["internal_address_config"] = {}


@fault("envoy-remote-address")
def the_clients_word_for_its_address(document: Document) -> None:
    manager(document)["use_remote_address"] = False


@fault("envoy-client-certificate-header")
def the_clients_word_for_its_certificate(document: Document) -> None:
    manager(document)["forward_client_cert_details"] = "ALWAYS_FORWARD_ONLY"


# --- Routes -----------------------------------------------------------------------------------------------------


@fault("envoy-route-exempt")
def an_exempt_route(document: Document) -> None:
    add_route(document, "health", {"path": "/healthz"}, typed_per_filter_config=per_route(disabled=True))


@fault("envoy-exempt-by-header")
def exempt_for_who_sends_a_header(document: Document) -> None:
    match = {"prefix": "/", "headers": [{"name": "x-internal", "present_match": True}]}
    add_route(document, "internal", match, typed_per_filter_config=per_route(disabled=True))


@fault("envoy-nothing-gated", "envoy-route-exempt")
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
    route(document, "gated").pop("request_headers_to_remove")


@fault("envoy-own-headers-changed")
def our_header_removed_on_a_route(document: Document) -> None:
    route(document, "gated")["request_headers_to_remove"].append("x-approval-by")


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
    route(document, "gated")["route"]["retry_policy"] = {"retry_on": "5xx", "num_retries": 3}


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
    route(document, "gated")["route"]["retry_policy"] = {"retry_on": "connect-failure"}


@fault("envoy-hedging")
def hedging(document: Document) -> None:
    route(document, "gated")["route"]["hedge_policy"] = {"hedge_on_per_try_timeout": True}


@fault("envoy-mirror")
def a_mirror(document: Document) -> None:
    route(document, "gated")["route"]["request_mirror_policies"] = [{"cluster": "holdgate_console"}]


@fault("envoy-route-upgrade")
def websockets_on_a_route(document: Document) -> None:
    route(document, "gated")["route"]["upgrade_configs"] = [{"upgrade_type": "websocket"}]


@fault("envoy-request-changed-upstream")
def the_cluster_changes_headers(document: Document) -> None:
    options = cluster(document, "upstream")["typed_extension_protocol_options"]
    mutation = {
        "@type": f"{_FILTERS}.header_mutation.v3.HeaderMutation",
        "mutations": {"request_mutations": [{"remove": "x-tenant"}]},
    }
    codec = {"@type": f"{_FILTERS}.upstream_codec.v3.UpstreamCodec"}
    options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["http_filters"] = [
        {"name": "late", "typed_config": mutation},
        {"name": "envoy.filters.http.upstream_codec", "typed_config": codec},
    ]


# --- The cluster of the check server, and the admin interface -----------------------------------------------------


@fault("envoy-check-endpoints-differ")
def another_check_server(document: Document) -> None:
    endpoints = cluster(document, "holdgate_check")["load_assignment"]["endpoints"][0]["lb_endpoints"]
    endpoints[0]["endpoint"]["address"]["socket_address"]["port_value"] = 1


@fault("envoy-check-endpoints-differ", "envoy-check-plaintext")
def a_check_server_elsewhere_in_the_clear(document: Document) -> None:
    endpoints = cluster(document, "holdgate_check")["load_assignment"]["endpoints"][0]["lb_endpoints"]
    endpoints[0]["endpoint"]["address"]["socket_address"]["address"] = "192.0.2.1"


@fault("envoy-check-unverified")
def tls_that_verifies_nobody(document: Document) -> None:
    cluster(document, "holdgate_check")["transport_socket"] = {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": "check.internal",
        },
    }


@fault("envoy-check-health-unchecked")
def no_health_checks(document: Document) -> None:
    cluster(document, "holdgate_check").pop("health_checks")


@fault("envoy-check-panic")
def panic(document: Document) -> None:
    cluster(document, "holdgate_check").pop("common_lb_config")


@fault("envoy-drain-short")
def drains_noticed_late(document: Document) -> None:
    cluster(document, "holdgate_check")["health_checks"][0]["interval"] = "10s"


@fault("envoy-checks-beyond-room")
def more_checks_than_there_is_room_for(document: Document) -> None:
    cluster(document, "holdgate_check")["circuit_breakers"]["thresholds"][0]["max_requests"] = 5000


@fault("envoy-checks-below-room")
def fewer_checks_than_there_is_room_for(document: Document) -> None:
    cluster(document, "holdgate_check")["circuit_breakers"]["thresholds"][0]["max_requests"] = 5


@fault("envoy-admin-open")
def admin_without_a_list_of_paths(document: Document) -> None:
    document["admin"].pop("allow_paths")
