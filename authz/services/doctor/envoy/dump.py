"""The parts of an Envoy's config_dump, found by the kind of each section.

Source: envoy.admin.v3 (config_dump.proto, config_dump_shared.proto).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from authz.services.doctor.document import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """What runs. Route tables, clusters and discovered filters by name; `scopes` are tables chosen by a key."""

    admin: Node
    version: tuple[int, int, int] | None
    listeners: tuple[Node, ...]
    tables: Mapping[str, Node]
    scopes: Mapping[str, tuple[Node, ...]]
    clusters: Mapping[str, Node]
    assignments: Mapping[str, Node]
    discovered: Mapping[str, Node]


def read_dump(document: object) -> Dump:
    """Read `/config_dump?include_eds` of any Envoy; what isn't there is empty."""
    sections = {section.kind.rpartition(".")[2]: section for section in Node(document).at("configs").items}
    empty = Node(None)

    def entries(section: str, *lists: str) -> Iterator[Node]:
        for name in lists:
            yield from sections.get(section, empty).at(name).items

    bootstrap = sections.get("BootstrapConfigDump", empty).at("bootstrap")
    listeners = [each.at("listener") for each in entries("ListenersConfigDump", "static_listeners")]
    listeners += [
        each.at("active_state", "listener") for each in entries("ListenersConfigDump", "dynamic_listeners")
    ]
    tables = [
        each.at("route_config")
        for each in entries("RoutesConfigDump", "static_route_configs", "dynamic_route_configs")
    ]
    scopes = {
        each.at("name").text: tuple(
            scope.unpacked
            for scope in (*each.at("scoped_route_configs").items, *each.at("scoped_routes_config").items)
        )
        for each in entries(
            "ScopedRoutesConfigDump", "inline_scoped_route_configs", "dynamic_scoped_route_configs"
        )
    }
    clusters = [
        each.at("cluster")
        for each in entries("ClustersConfigDump", "static_clusters", "dynamic_active_clusters")
    ]
    assignments = [
        each.at("endpoint_config")
        for each in entries("EndpointsConfigDump", "static_endpoint_configs", "dynamic_endpoint_configs")
    ]
    discovered = [each.at("ecds_filter") for each in entries("EcdsConfigDump", "ecds_filters")]
    return Dump(
        admin=bootstrap.at("admin"),
        version=_version(bootstrap.at("node", "user_agent_build_version", "version")),
        listeners=tuple(each for each in listeners if each),
        tables=_named(tables),
        scopes=scopes,
        clusters=_named(clusters),
        assignments={each.at("cluster_name").text: each for each in assignments},
        discovered={each.at("name").text: each.at("typed_config").unpacked for each in discovered},
    )


def endpoints(dump: Dump, cluster: str) -> frozenset[str]:
    """Return where a cluster leads, as `HOST:PORT` or `unix:/PATH`: as configured, else as discovered."""
    configured = dump.clusters.get(cluster, Node(None)).at("load_assignment")
    assignment = configured or dump.assignments.get(cluster, Node(None))
    found = (
        address_text(endpoint.at("endpoint", "address"))
        for locality in assignment.at("endpoints").items
        for endpoint in locality.at("lb_endpoints").items
    )
    return frozenset(each for each in found if each)


def address_text(address: Node) -> str:
    """Return a core.v3.Address as settings write it, or nothing."""
    if pipe := address.at("pipe", "path").text:
        return f"unix:{pipe}"
    host, port = (
        address.at("socket_address", "address").text,
        address.at("socket_address", "port_value").number,
    )
    if not host or port is None:
        return ""
    return f"[{host}]:{port:.0f}" if ":" in host else f"{host}:{port:.0f}"


def _named(nodes: list[Node]) -> dict[str, Node]:
    return {node.at("name").text: node for node in nodes if node}


def _version(node: Node) -> tuple[int, int, int] | None:
    major, minor, patch = (node.at(name).number for name in ("major_number", "minor_number", "patch"))
    return None if major is None else (int(major), int(minor or 0), int(patch or 0))
