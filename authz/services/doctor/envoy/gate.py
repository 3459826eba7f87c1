"""Where in an Envoy the gate is: connection managers with the filter that asks Holdgate, and their routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from authz.services.doctor.document import Node
from authz.services.doctor.envoy.dump import Dump, endpoints
from authz.services.doctor.envoy.expected import Expected

_MANAGER: Final = "http_connection_manager.v3.HttpConnectionManager"
_EXT_AUTHZ: Final = "ext_authz.v3.ExtAuthz"
_FILTER_CONFIG: Final = "route.v3.FilterConfig"
_ROUTE: Final = "envoy.config.route.v3.Route"


@dataclass(frozen=True, slots=True)
class Filter:
    """One HTTP filter. `item` is its entry in `http_filters`, `config` its unpacked configuration."""

    name: str
    item: Node
    config: Node

    @property
    def asks(self) -> bool:
        """Whether it asks an external authorization server over gRPC."""
        return self.config.kind.endswith(_EXT_AUTHZ) and bool(self.config.at("grpc_service"))

    @property
    def hides_one(self) -> bool:
        """Whether such a filter is inside of it, asked when something else says so."""
        return not self.asks and any(node.kind.endswith(_EXT_AUTHZ) for node in self.config.walk())


@dataclass(frozen=True, slots=True)
class Manager:
    """One HTTP connection manager. `missing` names the route tables that Envoy doesn't have (yet)."""

    listener: Node
    chain: Node
    config: Node
    filters: tuple[Filter, ...]
    tables: tuple[Node, ...]
    missing: tuple[str, ...]

    @property
    def name(self) -> str:
        """How findings call it."""
        return f"listener {self.listener.at('name').text or 'without a name'}"


@dataclass(frozen=True, slots=True)
class Gate:
    """A connection manager that asks Holdgate, and the place of the filter that does."""

    manager: Manager
    place: int

    @property
    def filter(self) -> Filter:
        """The filter that asks."""
        return self.manager.filters[self.place]

    @property
    def cluster(self) -> str:
        """The cluster of the check server; empty where Envoy's own gRPC client isn't used."""
        return self.filter.config.at("grpc_service", "envoy_grpc", "cluster_name").text


@dataclass(frozen=True, slots=True)
class Route:
    """One way through a route table.

    `levels` are its table, virtual host, route and weighted cluster, so far as there are; `config` is the route, and
    `clusters` where it may lead. What it says of the gate is the most specific level's, `extensions` are merged.
    """

    levels: tuple[Node, ...]
    config: Node
    clusters: tuple[str, ...]
    exempt: bool
    check_settings: Node
    extensions: Mapping[str, str]

    @property
    def forwards(self) -> bool:
        """Whether it leads to an upstream; redirects and fixed answers don't."""
        return bool(self.config.at("route"))

    @property
    def name(self) -> str:
        """How findings call it: its name, or what it matches."""
        return self.config.at("name").text or match_text(self.config.at("match"))


def managers(dump: Dump) -> Iterator[Manager]:
    """Return every HTTP connection manager."""
    for listener in dump.listeners:
        for chain in (*listener.at("filter_chains").items, listener.at("default_filter_chain")):
            for item in chain.at("filters").items:
                config = item.at("typed_config").unpacked
                if config.kind.endswith(_MANAGER):
                    tables, missing = _tables(dump, config)
                    filters = tuple(_filter(dump, each) for each in config.at("http_filters").items)
                    yield Manager(listener, chain, config, filters, tables, missing)


def gates(dump: Dump, found: list[Manager], expected: Expected) -> list[Gate]:
    """Return the filters that ask Holdgate: those that lead to its endpoints, or all, if none is known to."""
    asking = [
        Gate(manager, place) for manager in found for place, each in enumerate(manager.filters) if each.asks
    ]
    ours = [gate for gate in asking if endpoints(dump, gate.cluster) & expected.check_endpoints]
    return ours or asking


def routes(gate: Gate) -> Iterator[Route]:
    """Return every route of a gate's tables, once for each weighted cluster that says something of its own."""
    for table in gate.manager.tables:
        for host in table.at("virtual_hosts").items:
            matched = (node for node in host.at("matcher").walk() if node.kind == _ROUTE)
            for config in (*host.at("routes").items, *matched):
                weighted = config.at("route", "weighted_clusters", "clusters").items
                own = [each for each in weighted if each.at("typed_per_filter_config", gate.filter.name)]
                rest = tuple(each.at("name").text for each in weighted if each not in own)
                single = config.at("route", "cluster").text
                if rest or not own:
                    yield _route(gate, (table, host, config), config, rest or ((single,) if single else ()))
                for each in own:
                    yield _route(gate, (table, host, config, each), config, (each.at("name").text,))


def match_text(match: Node) -> str:
    """Return a RouteMatch in a few words: `prefix /uploads/ with header x-env`."""
    kinds = ("prefix", "path", "path_separated_prefix")
    path = next((f"{kind} {match.at(kind).text}" for kind in kinds if match.at(kind)), "")
    path = path or f"pattern {match.at('safe_regex', 'regex').text or '?'}"
    names = [each.at("name").text for each in match.at("headers").items]
    return f"{path} with header {', '.join(names)}" if names else path


def _route(gate: Gate, levels: tuple[Node, ...], config: Node, clusters: tuple[str, ...]) -> Route:
    exempt = gate.filter.item.at("disabled").flag
    settings = Node(None)
    extensions: dict[str, str] = {}
    for level in levels:  # what is more specific comes later and wins
        entry = level.at("typed_per_filter_config", gate.filter.name).unpacked
        if not entry:
            continue
        wrapped = entry.kind.endswith(_FILTER_CONFIG)
        inner = entry.at("config").unpacked if wrapped else entry
        exempt = (wrapped and entry.at("disabled").flag) or inner.at("disabled").flag
        settings = inner.at("check_settings")
        extensions |= {name: value.text for name, value in settings.at("context_extensions").members.items()}
    return Route(levels, config, clusters, exempt, settings, extensions)


def _filter(dump: Dump, item: Node) -> Filter:
    name = item.at("name").text
    if item.at("config_discovery"):
        return Filter(name, item, dump.discovered.get(name, Node(None)))
    return Filter(name, item, item.at("typed_config").unpacked)


def _tables(dump: Dump, manager: Node) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    if inline := manager.at("route_config"):
        return (inline,), ()
    names = [manager.at("rds", "route_config_name").text] if manager.at("rds") else []
    found: list[Node] = []
    if scoped := manager.at("scoped_routes"):
        scopes = (
            *scoped.at("scoped_route_configurations_list", "scoped_route_configurations").items,
            *dump.scopes.get(scoped.at("name").text, ()),
        )
        found = [each.at("route_configuration") for each in scopes if each.at("route_configuration")]
        names += dict.fromkeys(
            each.at("route_configuration_name").text for each in scopes if each.at("route_configuration_name")
        )
    found += [dump.tables[name] for name in names if name in dump.tables]
    return tuple(found), tuple(name for name in names if name not in dump.tables)
