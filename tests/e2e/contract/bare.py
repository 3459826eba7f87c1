"""An Envoy with ext_authz and otherwise as by default, before the scripted peers: what Envoy does by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.e2e.envoy_config.own_envoy import own_bootstrap
from tests.e2e.envoy_config.stack import Change, Document, Gate, Stack, manager, routes
from tests.support.envoy import running_envoy
from tests.support.ports import free_port

_numbers = count()
_TYPE = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3"
_HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}
# Envoy's own 200 ms are short for a busy machine.
CHECK_TIMEOUT = "5s"


def bare_bootstrap(listen: int, stack: Stack) -> Document:
    """Return the configuration."""
    document = own_bootstrap(listen, free_port(), stack.upstream.port)
    own_filter = {
        "@type": f"{_TYPE}.ExtAuthz",
        "transport_api_version": "V3",
        "grpc_service": {"envoy_grpc": {"cluster_name": "check"}, "timeout": CHECK_TIMEOUT},
    }
    named = {"name": "envoy.filters.http.ext_authz", "typed_config": own_filter}
    manager(document)["http_filters"].insert(0, named)
    document["static_resources"]["clusters"].append(check_cluster("check", stack.check.port))
    return document


def check_cluster(name: str, port: int) -> Document:
    """Return a cluster of one check server."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        "name": name,
        "typed_extension_protocol_options": _HTTP2,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def per_route(document: Document, route: int = -1, **check_settings: object) -> None:
    """Give one route check settings of its own."""
    routes(document)[route]["typed_per_filter_config"] = {
        "envoy.filters.http.ext_authz": {
            "@type": f"{_TYPE}.ExtAuthzPerRoute",
            "check_settings": check_settings,
        }
    }


@contextmanager
def bare_envoy(stack: Stack, folder: Path, *changes: Change) -> Iterator[Gate]:
    """Run it, its configuration gone through `changes`, until the block ends."""
    listen = free_port()
    document = bare_bootstrap(listen, stack)
    for change in changes:
        change(document)
    with running_envoy(json.dumps(document), folder / f"bare{next(_numbers)}") as envoy:
        yield Gate(listen, envoy)
