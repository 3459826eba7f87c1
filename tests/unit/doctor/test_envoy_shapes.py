"""What routes, filters and other Envoys may say that no bootstrap of ours does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz.services.doctor.finding import Severity
from tests.e2e.doctor.documents import PLAIN, codes, judged
from tests.e2e.doctor.fault import EXT_AUTHZ, gated
from tests.e2e.doctor.faults import add_filter, add_route, per_route
from tests.e2e.envoy_config.stack import Document, cluster, ext_authz, manager, route, routes
from tests.unit.doctor.dumps import OURS, as_dump, ours, said

NO_WAITING = {"HOLDGATE_MAX_WAITERS": "0"}


def test_a_route_that_is_gated_against_its_virtual_host_is_gated() -> None:
    document = ours()
    manager(document)["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] = per_route(
        disabled=True
    )
    route(document, "gated")["typed_per_filter_config"] = per_route(check_settings={})
    assert said(document) == set()


def test_a_filter_that_is_off_is_off_but_where_a_route_switches_it_on() -> None:
    document = ours(**NO_WAITING)
    (item,) = (each for each in manager(document)["http_filters"] if each["name"] == EXT_AUTHZ)
    item["disabled"] = True
    assert said(document, **NO_WAITING) == {"envoy-nothing-gated", "envoy-route-exempt"}
    route(document, "gated")["typed_per_filter_config"] = per_route(check_settings={})
    assert said(document, **NO_WAITING) == set()


def test_the_generic_way_to_switch_a_filter_off_is_understood() -> None:
    document = ours()
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True, "config": {}}
    add_route(document, "health", {"path": "/healthz"}, typed_per_filter_config={EXT_AUTHZ: off})
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
    document = ours(**NO_WAITING)
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
    assert said(document, **NO_WAITING) == {"envoy-header-unbound"}


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
    for each in gated(document):
        each["route"]["retry_policy"] = {"retry_on": "5xx", "num_retries": 3}
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


def _ends_when_a_client_goes(dump: Document) -> None:
    version = dump["configs"][0]["bootstrap"]["node"]["user_agent_build_version"]["version"]
    version |= {"minor_number": 37, "patch": 4}


def _mended(dump: Document) -> None:
    version = dump["configs"][0]["bootstrap"]["node"]["user_agent_build_version"]["version"]
    version |= {"minor_number": 37, "patch": 5}


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
        (_ends_when_a_client_goes, "envoy-wait-crash"),
        (_exposed, "envoy-admin-exposed"),
        (_no_cluster, "envoy-check-cluster-unknown"),
        (_another_api, "envoy-transport-api-version"),
    ],
)
def test_what_our_envoys_could_not_run_is_named_all_the_same(change: Change, code: str) -> None:
    dump = as_dump(ours())
    change(dump)
    assert set(codes(judged(dump, PLAIN))) - OURS == {code}


def test_an_envoy_that_is_mended_may_have_services_of_routes() -> None:
    dump = as_dump(ours())
    _mended(dump)
    assert set(codes(judged(dump, PLAIN))) - OURS == set()


def test_an_envoy_that_such_a_route_can_end_is_fine_without_one() -> None:
    dump = as_dump(ours(**NO_WAITING))
    _ends_when_a_client_goes(dump)
    assert set(codes(judged(dump, NO_WAITING))) - OURS == set()


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


def test_the_routes_of_ours_are_three() -> None:
    """The tests above change these."""
    assert [each["name"] for each in routes(ours())] == ["ticket_status", "gated_waiting", "gated"]
    assert {each.severity for each in judged(as_dump(ours()), PLAIN)} == {Severity.OK, Severity.INFO}
