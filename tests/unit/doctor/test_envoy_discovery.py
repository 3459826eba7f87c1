"""Parts that come from a control plane, or in other shapes than in a bootstrap of ours."""

from __future__ import annotations

from tests.e2e.doctor.documents import PLAIN, codes, judged
from tests.e2e.doctor.fault import EXT_AUTHZ, gated
from tests.e2e.doctor.faults import add_route
from tests.e2e.envoy_config.stack import Document, cluster, ext_authz, manager
from tests.unit.doctor.dumps import ADMIN, OURS, as_dump, ours, said


def with_rds(document: Document) -> Document:
    """Let the routes come from a control plane."""
    config = manager(document).pop("route_config")
    manager(document)["rds"] = {"route_config_name": "holdgate", "config_source": {"ads": {}}}
    dump = as_dump(document)
    dump["configs"].append(
        {"@type": f"{ADMIN}.RoutesConfigDump", "dynamic_route_configs": [{"route_config": config}]}
    )
    return dump


def test_discovered_routes_are_looked_at_like_static_ones() -> None:
    document = ours()
    match = {"prefix": "/", "headers": [{"name": "x-env"}]}
    add_route(document, "prod", match)
    assert set(codes(judged(with_rds(document), PLAIN))) - OURS == {"envoy-header-unbound"}


def test_routes_that_are_not_there_are_named() -> None:
    document = ours()
    dump = with_rds(document)
    dump["configs"].pop()
    assert "envoy-routes-unknown" in codes(judged(dump, PLAIN))


def test_scoped_routes_are_looked_at_and_the_header_that_chooses_them_too() -> None:
    document = ours()
    for each in gated(document):
        each["route"]["hedge_policy"] = {"hedge_on_per_try_timeout": True}
    config = manager(document).pop("route_config")
    manager(document)["scoped_routes"] = {
        "name": "scopes",
        "scope_key_builder": {"fragments": [{"header_value_extractor": {"name": "X-Tenant"}}]},
    }
    scope = {"name": "one", "route_configuration_name": "holdgate"}
    dump = as_dump(document)
    dump["configs"] += [
        {"@type": f"{ADMIN}.RoutesConfigDump", "dynamic_route_configs": [{"route_config": config}]},
        {
            "@type": f"{ADMIN}.ScopedRoutesConfigDump",
            "dynamic_scoped_route_configs": [{"name": "scopes", "scoped_route_configs": [scope]}],
        },
    ]
    assert set(codes(judged(dump, PLAIN))) - OURS == {"envoy-hedging", "envoy-header-unbound"}
    bound = {"HOLDGATE_BIND_HEADERS": "x-tenant"}
    assert set(codes(judged(dump, bound))) - OURS == {"envoy-hedging"}


def test_discovered_listeners_and_clusters_are_looked_at_like_static_ones() -> None:
    document = ours()
    ext_authz(document)["failure_mode_allow"] = True
    dump = as_dump(document)
    clusters, listeners = dump["configs"][1], dump["configs"][2]
    clusters["dynamic_active_clusters"] = clusters.pop("static_clusters")
    listeners["dynamic_listeners"] = [
        {"name": "gate", "active_state": each} for each in listeners.pop("static_listeners")
    ]
    assert set(codes(judged(dump, PLAIN))) - OURS == {"envoy-failure-mode-allow"}


def test_a_discovered_filter_is_looked_at_like_a_static_one() -> None:
    document = ours()
    (item,) = (each for each in manager(document)["http_filters"] if each["name"] == EXT_AUTHZ)
    config = item.pop("typed_config")
    item["config_discovery"] = {"config_source": {"ads": {}}}
    config["clear_route_cache"] = True
    dump = as_dump(document)
    dump["configs"].append(
        {
            "@type": f"{ADMIN}.EcdsConfigDump",
            "ecds_filters": [{"ecds_filter": {"name": EXT_AUTHZ, "typed_config": config}}],
        }
    )
    assert set(codes(judged(dump, PLAIN))) - OURS == {"envoy-route-cache-cleared"}


def test_endpoints_that_come_from_a_control_plane_are_compared_too() -> None:
    document = ours()
    assignment = cluster(document, "holdgate_check").pop("load_assignment")
    dump = as_dump(document)
    assignment["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = {
        "pipe": {"path": "/run/other.sock"}
    }
    dump["configs"].append(
        {
            "@type": f"{ADMIN}.EndpointsConfigDump",
            "dynamic_endpoint_configs": [{"endpoint_config": assignment}],
        }
    )
    assert set(codes(judged(dump, PLAIN))) - OURS == {"envoy-check-endpoints-differ"}


def test_a_default_filter_chain_is_looked_at() -> None:
    document = ours()
    gate = document["static_resources"]["listeners"][0]
    (gate["default_filter_chain"],) = gate.pop("filter_chains")
    assert said(document) == set()


def test_a_typed_struct_is_read_as_what_it_holds() -> None:
    document = ours()
    (item,) = (each for each in manager(document)["http_filters"] if each["name"] == EXT_AUTHZ)
    config = item["typed_config"]
    kind = config.pop("@type")
    item["typed_config"] = {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        "type_url": kind,
        "value": config,
    }
    assert said(document) == set()
