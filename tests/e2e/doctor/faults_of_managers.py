"""Faults of the connection manager, the check server's cluster and the admin interface."""

from __future__ import annotations

from tests.e2e.doctor.fault import fault, listener
from tests.e2e.envoy_config.stack import Document, cluster, manager


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
    cluster(document, "holdgate_check")["common_lb_config"].pop("healthy_panic_threshold")


@fault("envoy-drain-short")
def drains_noticed_late(document: Document) -> None:
    cluster(document, "holdgate_check")["health_checks"][0]["interval"] = "10s"


@fault("envoy-drain-short")
def health_reaches_the_threads_late(document: Document) -> None:
    cluster(document, "holdgate_check")["common_lb_config"].pop("update_merge_window")


@fault("envoy-checks-beyond-room")
def more_checks_than_there_is_room_for(document: Document) -> None:
    cluster(document, "holdgate_check")["circuit_breakers"]["thresholds"][0]["max_requests"] = 5000


@fault("envoy-checks-below-room")
def fewer_checks_than_there_is_room_for(document: Document) -> None:
    cluster(document, "holdgate_check")["circuit_breakers"]["thresholds"][0]["max_requests"] = 5


@fault("envoy-admin-open")
def admin_without_a_list_of_paths(document: Document) -> None:
    document["admin"].pop("allow_paths")
