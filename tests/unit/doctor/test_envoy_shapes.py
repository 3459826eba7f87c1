"""Shapes that no static bootstrap of ours has: discovered parts, other filters, other Envoys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz.services.doctor.finding import Severity
from tests.e2e.doctor.documents import PLAIN, bootstrap_of, codes, judged
from tests.e2e.doctor.faults import add_filter, add_route, per_route
from tests.e2e.envoy_config.stack import Document, cluster, ext_authz, manager, route, routes
from tests.unit.doctor.dumps import as_dump

_ADMIN = "type.googleapis.com/envoy.admin.v3"
_OURS = {"envoy-seen", "envoy-no-client-certificate"}
_EXT_AUTHZ = "envoy.filters.http.ext_authz"


def said(document: Document, **configured: str) -> set[str]:
    """Return what is said about a bootstrap besides what is said about ours."""
    return set(codes(judged(as_dump(document), configured))) - _OURS


def ours(**configured: str) -> Document:
    return bootstrap_of(configured)


# --- Where the parts are ----------------------------------------------------------------------------------------


def with_rds(document: Document) -> Document:
    """Let the routes come from a control plane."""
    config = manager(document).pop("route_config")
    manager(document)["rds"] = {"route_config_name": "holdgate", "config_source": {"ads": {}}}
    dump = as_dump(document)
    dump["configs"].append(
        {"@type": f"{_ADMIN}.RoutesConfigDump", "dynamic_route_configs": [{"route_config": config}]}
    )
    return dump


def test_discovered_routes_are_looked_at_like_static_ones() -> None:
    document = ours()
    match = {"prefix": "/", "headers": [{"name": "x-env"}]}
    add_route(document, "prod", match)
    assert set(codes(judged(with_rds(document), PLAIN))) - _OURS == {"envoy-header-unbound"}


def test_routes_that_are_not_there_are_named() -> None:
    document = ours()
    dump = with_rds(document)
    dump["configs"].pop()
    assert "envoy-routes-unknown" in codes(judged(dump, PLAIN))


def test_scoped_routes_are_looked_at_and_the_header_that_chooses_them_too() -> None:
    document = ours()
    config = manager(document).pop("route_config")
    config["virtual_hosts"][0]["routes"][-1]["route"]["hedge_policy"] = {"hedge_on_per_try_timeout": True}
    manager(document)["scoped_routes"] = {
        "name": "scopes",
        "scope_key_builder": {"fragments": [{"header_value_extractor": {"name": "X-Tenant"}}]},
    }
    scope = {"name": "one", "route_configuration_name": "holdgate"}
    dump = as_dump(document)
    dump["configs"] += [
        {"@type": f"{_ADMIN}.RoutesConfigDump", "dynamic_route_configs": [{"route_config": config}]},
        {
            "@type": f"{_ADMIN}.ScopedRoutesConfigDump",
            "dynamic_scoped_route_configs": [{"name": "scopes", "scoped_route_configs": [scope]}],
        },
    ]
    assert set(codes(judged(dump, PLAIN))) - _OURS == {"envoy-hedging", "envoy-header-unbound"}
    bound = {"HOLDGATE_BIND_HEADERS": "x-tenant"}
    assert set(codes(judged(dump, bound))) - _OURS == {"envoy-hedging"}


def test_discovered_listeners_and_clusters_are_looked_at_like_static_ones() -> None:
    document = ours()
    ext_authz(document)["failure_mode_allow"] = True
    dump = as_dump(document)
    clusters, listeners = dump["configs"][1], dump["configs"][2]
    clusters["dynamic_active_clusters"] = clusters.pop("static_clusters")
    listeners["dynamic_listeners"] = [
        {"name": "gate", "active_state": each} for each in listeners.pop("static_listeners")
    ]
    assert set(codes(judged(dump, PLAIN))) - _OURS == {"envoy-failure-mode-allow"}


def test_a_discovered_filter_is_looked_at_like_a_static_one() -> None:
    document = ours()
    (item,) = (each for each in manager(document)["http_filters"] if each["name"] == _EXT_AUTHZ)
    config = item.pop("typed_config")
    item["config_discovery"] = {"config_source": {"ads": {}}}
    config["clear_route_cache"] = True
    dump = as_dump(document)
    dump["configs"].append(
        {
            "@type": f"{_ADMIN}.EcdsConfigDump",
            "ecds_filters": [{"ecds_filter": {"name": _EXT_AUTHZ, "typed_config": config}}],
        }
    )
    assert set(codes(judged(dump, PLAIN))) - _OURS == {"envoy-route-cache-cleared"}


def test_endpoints_that_come_from_a_control_plane_are_compared_too() -> None:
    document = ours()
    assignment = cluster(document, "holdgate_check").pop("load_assignment")
    dump = as_dump(document)
    assignment["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = {
        "pipe": {"path": "/run/other.sock"}
    }
    dump["configs"].append(
        {
            "@type": f"{_ADMIN}.EndpointsConfigDump",
            "dynamic_endpoint_configs": [{"endpoint_config": assignment}],
        }
    )
    assert set(codes(judged(dump, PLAIN))) - _OURS == {"envoy-check-endpoints-differ"}


def test_a_default_filter_chain_is_looked_at() -> None:
    document = ours()
    gate = document["static_resources"]["listeners"][0]
    (gate["default_filter_chain"],) = gate.pop("filter_chains")
    assert said(document) == set()


def test_a_typed_struct_is_read_as_what_it_holds() -> None:
    document = ours()
    (item,) = (each for each in manager(document)["http_filters"] if each["name"] == _EXT_AUTHZ)
    config = item["typed_config"]
    kind = config.pop("@type")
    item["typed_config"] = {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        "type_url": kind,
        "value": config,
    }
    assert said(document) == set()


# --- What says something else -----------------------------------------------------------------------------------


def test_a_route_that_is_gated_against_its_virtual_host_is_gated() -> None:
    document = ours()
    manager(document)["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] = per_route(
        disabled=True
    )
    route(document, "gated")["typed_per_filter_config"] = per_route(check_settings={})
    assert said(document) == set()


def test_a_filter_that_is_off_is_off_but_where_a_route_switches_it_on() -> None:
    document = ours()
    (item,) = (each for each in manager(document)["http_filters"] if each["name"] == _EXT_AUTHZ)
    item["disabled"] = True
    assert said(document) == {"envoy-nothing-gated", "envoy-route-exempt"}
    route(document, "gated")["typed_per_filter_config"] = per_route(check_settings={})
    assert said(document) == set()


def test_the_generic_way_to_switch_a_filter_off_is_understood() -> None:
    document = ours()
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True, "config": {}}
    add_route(document, "health", {"path": "/healthz"}, typed_per_filter_config={_EXT_AUTHZ: off})
    assert said(document) == {"envoy-route-exempt"}


def test_one_weighted_cluster_can_be_exempt() -> None:
    document = ours()
    clusters = [
        {"name": "upstream", "weight": 1},
        {"name": "holdgate_console", "weight": 1, "typed_per_filter_config": per_route(disabled=True)},
    ]
    add_route(document, "half", {"prefix": "/h"}, route={"weighted_clusters": {"clusters": clusters}})
    assert said(document) == {"envoy-route-exempt", "envoy-route-by-chance"}


@pytest.mark.parametrize("told", ["0", "1048576"])
def test_a_route_that_tells_its_own_body_limit_is_fine(told: str) -> None:
    document = ours()
    if told == "0":
        body: Document = {"disable_request_body_buffering": True}
    else:
        buffer = {"max_request_bytes": int(told), "allow_partial_message": True, "pack_as_bytes": True}
        body = {"with_request_body": buffer}
        manager(document)["http2_protocol_options"]["initial_stream_window_size"] = int(told)
        document["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"] = int(told)
    checked = per_route(check_settings={"context_extensions": {"holdgate_body_limit": told}, **body})
    add_route(document, "own", {"prefix": "/o"}, typed_per_filter_config=checked)
    assert said(document) == set()


def test_a_body_of_a_route_is_judged_like_the_filters() -> None:
    document = ours()
    body = per_route(check_settings={"with_request_body": {"max_request_bytes": 65_536}})
    add_route(document, "own", {"prefix": "/o"}, typed_per_filter_config=body)
    assert said(document) == {"envoy-body-as-text", "envoy-partial-body-refused"}


def test_headers_and_routes_in_a_matcher_are_found() -> None:
    document = ours()
    host = manager(document)["route_config"]["virtual_hosts"][0]
    inner = {**host["routes"].pop(), "@type": "type.googleapis.com/envoy.config.route.v3.Route"}
    chosen = {
        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
        "header_name": "x-env",
    }
    host["matcher"] = {
        "matcher_tree": {
            "input": {"name": "header", "typed_config": chosen},
            "exact_match_map": {"map": {"prod": {"action": {"name": "route", "typed_config": inner}}}},
        }
    }
    assert said(document) == {"envoy-header-unbound"}


def test_a_header_that_is_bound_may_choose() -> None:
    document = ours(HOLDGATE_BIND_HEADERS="X-Env")
    add_route(document, "prod", {"prefix": "/", "headers": [{"name": "x-env"}, {"name": ":method"}]})
    assert said(document, HOLDGATE_BIND_HEADERS="X-Env") == set()


@pytest.mark.parametrize("name", ["content-type", "x-forwarded-host"])
def test_a_header_that_is_always_bound_may_choose(name: str) -> None:
    document = ours()
    add_route(document, "prod", {"prefix": "/", "headers": [{"name": name}]})
    assert said(document) == set()


def test_retries_that_the_circuit_breaker_stops_are_none() -> None:
    document = ours()
    route(document, "gated")["route"]["retry_policy"] = {"retry_on": "5xx", "num_retries": 3}
    assert said(document) == set()
    thresholds = cluster(document, "upstream")["circuit_breakers"]["thresholds"]
    thresholds.append({"priority": "HIGH"})
    assert said(document) == {"envoy-retries"}


def test_a_token_that_is_verified_late_is_an_error_where_principals_come_from_it() -> None:
    claims = {"HOLDGATE_PRINCIPAL_FROM": "metadata:envoy.filters.http.jwt_authn/jwt/sub"}
    document = ours(**claims)
    kind = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
    add_filter(document, "envoy.filters.http.jwt_authn", {"@type": kind}, -1)
    assert said(document, **claims) == {"envoy-caller-verified-late"}
    assert said(document) == set()
    filters = manager(document)["http_filters"]
    filters.insert(0, filters.pop(-2))
    assert said(document, **claims) == set()


def test_a_gate_inside_of_another_filter_is_no_gate_to_rely_on() -> None:
    document = ours()
    inner = dict(ext_authz(document))
    kind = "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher"
    wrapped = {"@type": kind, "extension_config": {"name": "inner", "typed_config": inner}}
    add_filter(document, "sometimes", wrapped, 0)
    assert said(document) == {"envoy-gate-wrapped"}


def test_a_filter_that_nobody_knows_may_change_what_was_checked() -> None:
    document = ours()
    add_filter(document, "own", {"@type": "type.googleapis.com/company.filters.Own"}, -1)
    assert said(document) == {"envoy-request-changed-after"}


def test_a_filter_that_changes_nothing_may_come_after() -> None:
    document = ours()
    kind = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"
    add_filter(document, "rbac", {"@type": kind}, -1)
    assert said(document) == set()


def test_of_two_gates_the_one_that_leads_to_the_check_server_counts() -> None:
    document = ours()
    other = {
        **ext_authz(document),
        "failure_mode_allow": True,
        "grpc_service": {"envoy_grpc": {"cluster_name": "upstream"}},
    }
    add_filter(document, "another", other, 0)
    assert said(document) == set()


Change = Callable[[Document], object]


def _old(dump: Document) -> None:
    version = dump["configs"][0]["bootstrap"]["node"]["user_agent_build_version"]["version"]
    version["minor_number"] = 35


def _exposed(dump: Document) -> None:
    dump["configs"][0]["bootstrap"]["admin"]["address"]["socket_address"]["address"] = "0.0.0.0"  # noqa: S104 - the fault


def _no_cluster(dump: Document) -> None:
    dump["configs"][1]["static_clusters"].pop(0)


def _another_api(dump: Document) -> None:
    listener = dump["configs"][2]["static_listeners"][0]["listener"]
    filters = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    filters[0]["typed_config"].pop("transport_api_version")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_old, "envoy-version-old"),
        (_exposed, "envoy-admin-exposed"),
        (_no_cluster, "envoy-check-cluster-unknown"),
        (_another_api, "envoy-transport-api-version"),
    ],
)
def test_what_our_envoys_could_not_run_is_named_all_the_same(change: Change, code: str) -> None:
    dump = as_dump(ours())
    change(dump)
    assert set(codes(judged(dump, PLAIN))) - _OURS == {code}


def test_an_envoy_without_anything_has_no_gate() -> None:
    findings = judged({"configs": []}, PLAIN)
    assert [finding.code for finding in findings] == ["envoy-seen", "envoy-no-gate"]


def test_many_routes_with_one_fault_are_one_finding() -> None:
    document = ours()
    for number in range(40):
        added = add_route(document, f"r{number}", {"prefix": f"/{number}"})
        added["route"]["hedge_policy"] = {"hedge_on_per_try_timeout": True}
    (finding,) = (each for each in judged(as_dump(document), PLAIN) if each.code == "envoy-hedging")
    assert "r0, r1, r2, r3, r4 and 35 more" in finding.problem


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["0.5s", "V3", "x-env"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_dump_of_any_shape_is_judged_without_an_exception(data: st.DataObject) -> None:
    dump = as_dump(ours())
    for _ in range(data.draw(st.integers(1, 4))):
        _replace_somewhere(dump, data)
    assert all(finding.code for finding in judged(dump, PLAIN))
    assert json.dumps(dump)


def _replace_somewhere(node: Any, data: st.DataObject) -> None:  # noqa: ANN401 - JSON
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 9)) == 0:
            node[key] = data.draw(JSON)
            return
        node = inner


def test_the_routes_of_ours_are_two() -> None:
    """The tests above change these."""
    assert [each["name"] for each in routes(ours())] == ["ticket_status", "gated"]
    assert {each.severity for each in judged(as_dump(ours()), PLAIN)} == {Severity.OK, Severity.INFO}
