"""Faults of the filter that asks, and of those around it."""

from __future__ import annotations

from tests.e2e.doctor.fault import EXT_AUTHZ, FILTERS, add_filter, fault, listener
from tests.e2e.envoy_config.stack import Document, ext_authz, manager, routes


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


@fault("envoy-request-changed-after")
def headers_changed_after_the_check(document: Document) -> None:
    mutations = {"request_mutations": [{"remove": "x-tenant"}]}
    config = {"@type": f"{FILTERS}.header_mutation.v3.HeaderMutation", "mutations": mutations}
    add_filter(document, "late", config, -1)


@fault("envoy-no-gate")
def no_gate(document: Document) -> None:
    filters = manager(document)["http_filters"]
    filters[:] = [each for each in filters if each["name"] != EXT_AUTHZ]
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
