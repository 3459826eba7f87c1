"""What would send one checked request to the upstream more than once, or elsewhere as well."""

from __future__ import annotations

from typing import Final

from authz.services.doctor.document import Node
from authz.services.doctor.envoy.dump import Dump
from authz.services.doctor.envoy.gate import Route
from authz.services.doctor.envoy.order import changes
from authz.services.doctor.envoy.subjects import Collected
from authz.services.doctor.finding import Area, Rule, Severity

RETRIES = Rule(
    "envoy-retries",
    Severity.ERROR,
    Area.ENVOY,
    "Remove retry_policy from route, virtual host and cluster, or set max_retries: 0 in the cluster's circuit breaker.",
)
RETRIES_UNSENT = Rule(
    "envoy-retries-unsent",
    Severity.INFO,
    Area.ENVOY,
    "Nothing, as long as retry_on stays like this: what is sent again never reached the upstream.",
)
HEDGING = Rule(
    "envoy-hedging", Severity.ERROR, Area.ENVOY, "Remove hedge_policy from route and virtual host."
)
MIRROR = Rule(
    "envoy-mirror",
    Severity.ERROR,
    Area.ENVOY,
    "Remove request_mirror_policies: one approval would be two requests.",
)
UPGRADE = Rule(
    "envoy-route-upgrade",
    Severity.WARNING,
    Area.ENVOY,
    "Remove the upgrade from the route, or let the policy refuse it where nothing may go unseen.",
)
CHANGED_UPSTREAM = Rule(
    "envoy-request-changed-upstream",
    Severity.WARNING,
    Area.ENVOY,
    "Make sure that the cluster's filters change nothing that decides what the upstream does.",
)

_UNSENT: Final = frozenset({"connect-failure", "refused-stream", "reset-before-request"})
_PROTOCOL_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def judge_repeats(said: Collected, route: Route, dump: Dump) -> None:
    """Note retries, hedging, mirrors, upgrades and upstream filters of a gated route."""
    action = route.config.at("route")
    clusters = [dump.clusters.get(name, Node(None)) for name in route.clusters]
    _judge_retries(said, route, clusters)
    if _nearest(route, "hedge_policy"):
        said.of(HEDGING, route.name, "hedge_policy sends a request again while the first one still runs")
    if _nearest(route, "request_mirror_policies").items:
        said.of(MIRROR, route.name, "request_mirror_policies sends a copy of each request to another cluster")
    for each in action.at("upgrade_configs").items:
        if each.at("enabled").value is not False:
            kind = each.at("upgrade_type").text
            said.of(UPGRADE, route.name, f"an upgrade to {kind} opens a session that nobody sees")
    for cluster in clusters:
        for each in _options(cluster).at("http_filters").items:
            if changes(each.at("typed_config").unpacked):
                name = each.at("name").text
                said.of(
                    CHANGED_UPSTREAM, route.name, f"filter {name} of its cluster may change what was checked"
                )


def _judge_retries(said: Collected, route: Route, clusters: list[Node]) -> None:
    # A route's policy replaces the virtual host's, and either the cluster's.
    policies = [_nearest(route, "retry_policy")]
    if not policies[0]:
        policies = [_options(cluster).at("retry_policy") for cluster in clusters]
    if clusters and all(_stopped(cluster) for cluster in clusters):
        return
    for policy in policies:
        if not policy or policy.at("num_retries").number == 0:
            continue
        conditions = {part.strip() for part in policy.at("retry_on").text.split(",")} - {""}
        if not conditions:
            continue
        shown = ", ".join(sorted(conditions))
        rule = RETRIES_UNSENT if conditions <= _UNSENT else RETRIES
        said.of(rule, route.name, f"retry_policy sends a request again on {shown}")


def _nearest(route: Route, name: str) -> Node:
    """Return a policy of the route, else of its virtual host, else of its table."""
    table, host, config, *_ = route.levels
    return config.at("route", name) or host.at(name) or table.at(name)


def _options(cluster: Node) -> Node:
    return cluster.at("typed_extension_protocol_options", _PROTOCOL_OPTIONS).unpacked


def _stopped(cluster: Node) -> bool:
    """Say whether a cluster's circuit breaker allows no retry at all, for either priority."""
    thresholds = cluster.at("circuit_breakers", "thresholds").items
    default = [each for each in thresholds if each.at("priority").text in {"", "DEFAULT"}]
    return bool(default) and all(each.at("max_retries").number == 0 for each in thresholds)
