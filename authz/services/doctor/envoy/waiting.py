"""Routes whose checks may stay open for a vote: that Envoy lets them, and that they change nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from authz.services.doctor.document import Node
from authz.services.doctor.envoy.dump import Dump
from authz.services.doctor.envoy.expected import Expected
from authz.services.doctor.envoy.gate import Gate, Route
from authz.services.doctor.envoy.subjects import Collected
from authz.services.doctor.finding import Area, Rule, Severity

_WARNING = Severity.WARNING

WAIT_MISSING = Rule(
    "envoy-wait-missing",
    Severity.INFO,
    Area.ENVOY,
    "Add each_waiting_route of `holdgate envoy-config --fragment`, or set HOLDGATE_MAX_WAITERS=0.",
)
WAIT_CUT = Rule(
    "envoy-wait-cut",
    _WARNING,
    Area.ENVOY,
    "Raise what ends it above check_settings.grpc_service.timeout of the route, or lower HOLDGATE_MAX_WAIT and that.",
)
WAIT_TIMEOUT_DIFFERS = Rule(
    "envoy-wait-timeout-differs",
    _WARNING,
    Area.ENVOY,
    "Give check_settings.grpc_service.timeout of the route HOLDGATE_MAX_WAIT and HOLDGATE_CHECK_TIMEOUT together.",
)
WAITERS_AMONG_ALL = Rule(
    "envoy-wait-shared-cluster",
    _WARNING,
    Area.ENVOY,
    "Let check_settings.grpc_service of waiting routes name a cluster of their own, as `holdgate envoy-config` does.",
)
WAIT_ELSEWHERE = Rule(
    "envoy-wait-elsewhere",
    Severity.ERROR,
    Area.ENVOY,
    "Put the same route without the prefer header right after it; only check_settings.grpc_service may differ.",
)

WAIT_CRASHES = Rule(
    "envoy-wait-crash",
    Severity.ERROR,
    Area.ENVOY,
    "Upgrade Envoy to 1.36.9, 1.37.5, 1.38.3 or later, or print its configuration with HOLDGATE_MAX_WAITERS=0.",
)

WISH: Final = "prefer"
_LEAST_WAIT: Final = 1000
"""Milliseconds. A client asks for whole seconds (RFC 7240, section 4.3): a check with less to spare can't wait."""

_ASIDE: Final = frozenset({"name", "metadata", "stat_prefix", "decorator", "tracing"})
"""What a route may say without any effect on where a request goes and what it is there."""

_MENDED: Final = {(1, 36): 9, (1, 37): 5, (1, 38): 3}
"""By minor version, the first patch that cancels the check of a route's own service when its client goes away."""

_DEFAULT_TIMEOUT: Final = 0.2
_DEFAULT_IDLE: Final = 300.0


def judge_services(said: Collected, found: Sequence[Route], dump: Dump) -> None:
    """Note routes with a check service of their own, where Envoy is one that such a route can end."""
    if dump.version is None or dump.version[2] >= _MENDED.get(dump.version[:2], 0):
        return
    for route in found:
        if not route.exempt and (_own_service(route) or route.check_settings.at("http_service")):
            said.of(
                WAIT_CRASHES,
                route.name,
                "a client that goes away while its check is open can end this Envoy (CVE-2026-47205)",
            )


def judge_waits(said: Collected, gate: Gate, found: Sequence[Route], expected: Expected) -> None:
    """Note what keeps checks from waiting, and what those that wait take from others."""
    if not expected.max_waiters:
        return
    checked = [route for route in found if route.forwards and not route.exempt]
    waiting = [route for route in checked if may_wait(gate, route, expected)]
    if checked and not waiting:
        said.once(WAIT_MISSING, "No route lets a check wait, so clients that ask to are answered at once.")
    # Where the filter's own timeout is that long, plain checks and waiting ones are the same ones.
    plain = {check_cluster(gate, each) for each in checked if each not in waiting or not _own_service(each)}
    whole = expected.max_wait + expected.check_timeout
    for route in waiting:
        timeout = _timeout(gate, route)
        shown = f"{timeout / 1000:g} s" if timeout else "any time"
        for name, end in _ends(gate, route):
            if not 0 < timeout < end:
                said.of(
                    WAIT_CUT,
                    route.name,
                    f"a check may stay open for {shown}, and {name} answers 504 after {end / 1000:g} s",
                )
        if _own_service(route) and timeout != whole:
            said.of(
                WAIT_TIMEOUT_DIFFERS,
                route.name,
                f"a check may stay open for {shown}, and HOLDGATE_MAX_WAIT and HOLDGATE_CHECK_TIMEOUT together are "
                f"{whole / 1000:g} s",
            )
        if check_cluster(gate, route) in plain:
            said.of(
                WAITERS_AMONG_ALL,
                route.name,
                f"checks that wait share cluster {check_cluster(gate, route)} with those that don't: enough of them, "
                "and every other request gets a 503",
            )


def judge_wish(said: Collected, gate: Gate, route: Route, expected: Expected) -> None:
    """Note when the header by which a client asks to wait does more than that."""
    if WISH not in expected.bound_headers and _leads_elsewhere(gate, route):
        said.of(
            WAIT_ELSEWHERE, route.name, f"who sends the header {WISH} is led another way than who doesn't"
        )


def may_wait(gate: Gate, route: Route, expected: Expected) -> bool:
    """Say whether Envoy gives a route's checks more time than an answer takes."""
    timeout = _timeout(gate, route)
    return not timeout or timeout >= expected.check_timeout + _LEAST_WAIT


def check_cluster(gate: Gate, route: Route) -> str:
    """Return the cluster that is asked about a route's requests; empty where Envoy's own gRPC client isn't used."""
    own = _own_service(route)
    return own.at("envoy_grpc", "cluster_name").text if own else gate.cluster


def _leads_elsewhere(gate: Gate, route: Route) -> bool:
    """Say whether a request on this route, which asks for the header `prefer`, would go another way without it.

    It doesn't where the same route without the header comes later, and all routes between the two are the same as
    earlier ones but for that header: whatever those match, they match with the header as well.
    """
    siblings = [each.value for each in route.levels[1].at("routes").items]
    place = next((at for at, each in enumerate(siblings) if each is route.config.value), len(siblings))
    bare = [_bare(each, gate.filter.name) for each in siblings]
    wished = [_wishes(Node(each)) for each in siblings]
    earlier = [each for each, wishes in zip(bare[:place], wished, strict=False) if wishes]
    for each in (bare[at] for at in range(place + 1, len(siblings)) if not wished[at]):
        if each == bare[place]:
            return False
        if each not in earlier:
            return True
    return True


def _own_service(route: Route) -> Node:
    return route.check_settings.at("grpc_service")


def _timeout(gate: Gate, route: Route) -> float:
    """Return how long a check may take, in milliseconds; 0 for ever."""
    service = _own_service(route) or gate.filter.config.at("grpc_service")
    seconds = service.at("timeout").seconds
    return 1000 * (_DEFAULT_TIMEOUT if seconds is None else seconds)


def _ends(gate: Gate, route: Route) -> Iterator[tuple[str, float]]:
    """Return what ends a silent request before its check is answered, and after how many milliseconds."""
    manager, action = gate.manager.config, route.config.at("route")
    idle = action.at("idle_timeout").seconds
    if idle is not None:
        yield from _limit("the route's idle_timeout", idle)
    else:
        general = manager.at("stream_idle_timeout").seconds
        yield from _limit("stream_idle_timeout", _DEFAULT_IDLE if general is None else general)
    duration = action.at("max_stream_duration", "max_stream_duration").seconds
    if duration is None:
        duration = manager.at("common_http_protocol_options", "max_stream_duration").seconds
    yield from _limit("max_stream_duration", duration or 0)


def _limit(name: str, seconds: float) -> Iterator[tuple[str, float]]:
    if seconds:
        yield name, 1000 * seconds


def _wishes(route: Node) -> bool:
    return any(each.at("name").text.lower() == WISH for each in route.at("match", "headers").items)


def _bare(route: object, gate: str) -> object:
    """Return what decides about a request, without the header `prefer` and the service that its checks go to."""
    if not isinstance(route, Mapping):
        return route
    match = dict(Node(route).at("match").members)
    headers = [each.value for each in match.pop("headers", Node(None)).items]
    others = [each for each in headers if Node(each).at("name").text.lower() != WISH]
    filters = {name: each.value for name, each in Node(route).at("typed_per_filter_config").members.items()}
    if gate in filters:
        filters[gate] = _without_service(Node(filters[gate]).unpacked)
    return {
        **{name: value for name, value in route.items() if name not in _ASIDE},
        "match": ({name: each.value for name, each in match.items()}, others),
        "typed_per_filter_config": {name: value for name, value in filters.items() if value},
    }


def _without_service(entry: Node) -> dict[str, object]:
    settings = {
        name: each.value
        for name, each in entry.at("check_settings").members.items()
        if name != "grpc_service"
    }
    rest = {
        name: each.value for name, each in entry.members.items() if name not in {"@type", "check_settings"}
    }
    return {**rest, **({"check_settings": settings} if settings else {})}
