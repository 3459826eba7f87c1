"""Somebody's own Envoy, which knew nothing of Holdgate, and the merging that docs/envoy.md describes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, cast

from tests.e2e.envoy_config.stack import Document, manager, routes

_ROUTER = "envoy.filters.http.router"


def own_bootstrap(listen: int, admin: int, upstream: int) -> Document:
    """Return a plain Envoy in front of an upstream, everything as by default."""
    connection_manager = {
        "@type": (
            "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
        ),
        "stat_prefix": "mine",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "mine",
                    "domains": ["*"],
                    "routes": [{"name": "mine", "match": {"prefix": "/"}, "route": {"cluster": "app"}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": _ROUTER,
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                },
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connection_manager}]
    return {
        "admin": {"address": _loopback(admin)},
        "static_resources": {
            "listeners": [
                {"name": "mine", "address": _loopback(listen), "filter_chains": [{"filters": filters}]}
            ],
            "clusters": [
                {
                    "name": "app",
                    "load_assignment": {
                        "cluster_name": "app",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _loopback(upstream)}}]}],
                    },
                }
            ],
        },
    }


def merge_parts(document: Document, parts: Document) -> None:
    """Merge the fragment, or a variation of the same shape, into a bootstrap."""
    unknown = parts.keys() - {
        *("listener", "http_connection_manager", "virtual_host", "routes", "clusters"),
        *("first_route", "each_gated_route", "each_waiting_route"),
    }
    assert not unknown, f"docs/envoy.md says nothing about merging {unknown}"
    _merge(document["static_resources"]["listeners"][0], parts.get("listener", {}))
    options = dict(parts.get("http_connection_manager", {}))
    own_filters = manager(document)["http_filters"]
    added = [each for each in options.pop("http_filters", []) if each["name"] != _ROUTER]
    own_filters[-1:-1] = added
    _merge(manager(document), options)
    _merge(manager(document)["route_config"]["virtual_hosts"][0], parts.get("virtual_host", {}))
    for route in routes(document):
        if route["name"] != "ticket_status":
            _merge(route, parts.get("each_gated_route", {}))
    if "each_waiting_route" in parts:
        routes(document)[:] = [
            each
            for route in routes(document)
            for each in (_waiting(route, parts["each_waiting_route"]), route)
        ]
    if "first_route" in parts:
        routes(document).insert(0, parts["first_route"])
    routes(document)[1:1] = parts.get("routes", [])
    document["static_resources"]["clusters"] += parts.get("clusters", [])


def is_part_of(part: object, whole: object) -> bool:
    """Whether everything in `part` is in `whole`: mappings by key, lists of mappings by name, the rest equal."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_part_of(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return all(any(is_part_of(item, other) for other in whole) for item in part)
    return part == whole


def _waiting(route: Document, parts: Document) -> Document:
    """Return the copy of a gated route for clients that wait."""
    copied = deepcopy(route)
    headers = [*copied["match"].get("headers", []), *parts["match"]["headers"]]
    _merge(copied, parts)
    copied["match"]["headers"] = headers
    copied["name"] += "_waiting"
    return copied


def _merge(target: Document, source: Document) -> None:
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(cast("Document", target[key]), value)
        else:
            target[key] = value


def _loopback(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
