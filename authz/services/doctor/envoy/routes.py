"""Routes: which are exempt, what each shows of a body, and what would send one approved request twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from authz.domain.reserved_headers import CLIENTS_OWN, TICKET, is_reserved
from authz.services.doctor.document import Node
from authz.services.doctor.envoy.dump import Dump, endpoints
from authz.services.doctor.envoy.expected import Expected
from authz.services.doctor.envoy.gate import Gate, Route, match_text
from authz.services.doctor.envoy.repeats import judge_repeats
from authz.services.doctor.envoy.subjects import Collected
from authz.services.doctor.envoy.waiting import WISH, judge_services, judge_waits, judge_wish, may_wait
from authz.services.doctor.finding import Area, Rule, Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

ROUTE_EXEMPT = Rule(
    "envoy-route-exempt",
    _INFO,
    Area.ENVOY,
    "Make sure that it is meant to be: nobody is asked about such requests.",
)
EXEMPT_BY_HEADER = Rule(
    "envoy-exempt-by-header",
    _ERROR,
    Area.ENVOY,
    "Exempt routes by their path alone: any client can send the header, and is not checked then.",
)
NOTHING_GATED = Rule(
    "envoy-nothing-gated", _ERROR, Area.ENVOY, "Remove `disabled: true` from the routes that are to be gated."
)
STATUS_MISSING = Rule(
    "envoy-ticket-status-missing",
    _WARNING,
    Area.ENVOY,
    "Put first_route of `holdgate envoy-config --fragment` before all other routes.",
)
TICKET_KEPT = Rule(
    "envoy-ticket-kept",
    _WARNING,
    Area.ENVOY,
    "Add x-approval-ticket to request_headers_to_remove of the route.",
)
OWN_CHANGED = Rule(
    "envoy-own-headers-changed",
    _ERROR,
    Area.ENVOY,
    "Take x-approval-* out of request_headers_to_add and request_headers_to_remove; the upstream relies on Holdgate's.",
)
HEADER_UNBOUND = Rule(
    "envoy-header-unbound",
    _ERROR,
    Area.ENVOY,
    "Add it to HOLDGATE_BIND_HEADERS, or an approved request can be sent elsewhere by changing it.",
)
BY_CHANCE = Rule(
    "envoy-route-by-chance",
    _INFO,
    Area.ENVOY,
    "Make sure that the clusters do the same: what was approved runs on any of them.",
)
BODY_HIDDEN = Rule(
    "envoy-body-hidden",
    _ERROR,
    Area.ENVOY,
    "Set with_request_body, or tell the check server: context_extensions.holdgate_body_limit: '0' for a route, "
    "HOLDGATE_BODY_LIMIT=0 for all.",
)
BODY_LIMIT_SMALLER = Rule(
    "envoy-body-limit-smaller",
    _ERROR,
    Area.ENVOY,
    "Give max_request_bytes and HOLDGATE_BODY_LIMIT (a route's holdgate_body_limit) the same value.",
)
BODY_LIMIT_LARGER = Rule(
    "envoy-body-limit-larger",
    _WARNING,
    Area.ENVOY,
    "Give max_request_bytes and HOLDGATE_BODY_LIMIT (a route's holdgate_body_limit) the same value.",
)

# Headers whose value Envoy takes for the place to go.
_TARGETS: Final = ("cluster_header", "host_rewrite_header")
_HEADER_INPUT: Final = "HttpRequestHeaderMatchInput"


def judge_routes(gate: Gate, found: Sequence[Route], dump: Dump, expected: Expected) -> Collected:
    """Return what is to be said about the routes of one gate."""
    said = Collected(gate.manager.name)
    status = [route for route in found if is_ticket_status(route, dump, expected)]
    if not status:
        said.once(STATUS_MISSING, "No exempt route leads the status of tickets to the console.")
    if found and all(route.exempt for route in found):
        said.once(NOTHING_GATED, "All of its routes are exempt from the check.")
    for route in found:
        if route in status:
            continue
        _judge_headers(said, gate, route, expected)
        if route.exempt:
            _judge_exempt(said, route)
        elif route.forwards:
            _judge_body(said, gate, route, expected)
            judge_repeats(said, route, dump)
            _judge_chance(said, route)
    _judge_scopes(said, gate, expected)
    judge_services(said, found, dump)
    judge_waits(said, gate, found, expected)
    return said


def is_ticket_status(route: Route, dump: Dump, expected: Expected) -> bool:
    """Say whether this is the one route that is meant to be exempt."""
    if not route.exempt or route.config.at("match", "safe_regex", "regex").text != expected.status_path:
        return False
    known = [endpoints(dump, cluster) for cluster in route.clusters]
    return all(not each or expected.console_endpoint in each for each in known)


def shown_bytes(gate: Gate, route: Route) -> float:
    """Return how much of a body Envoy shows on a route, in bytes; 0 for nothing."""
    if route.check_settings.at("disable_request_body_buffering").flag:
        return 0
    body = route.check_settings.at("with_request_body") or gate.filter.config.at("with_request_body")
    return body.at("max_request_bytes").number or 0


def _judge_exempt(said: Collected, route: Route) -> None:
    names = [each.at("name").text.lower() for each in route.config.at("match", "headers").items]
    chosen = sorted(name for name in names if not name.startswith(":"))
    if chosen:
        said.of(EXEMPT_BY_HEADER, route.name, f"exempt for who sends {', '.join(chosen)}")
    elif route.forwards:
        said.of(ROUTE_EXEMPT, f"{route.name} ({match_text(route.config.at('match'))})", "not checked")


def _judge_body(said: Collected, gate: Gate, route: Route, expected: Expected) -> None:
    told = route.extensions.get("holdgate_body_limit", "")
    limit = int(told) if told.isascii() and told.isdigit() else expected.body_limit
    shown = shown_bytes(gate, route)
    if limit and not shown:
        said.of(
            BODY_HIDDEN,
            route.name,
            f"no body is shown, and the check server believes that it sees up to {limit} bytes: it takes an unseen "
            "body for an empty one",
        )
    elif shown < limit:
        said.of(
            BODY_LIMIT_SMALLER,
            route.name,
            f"Envoy cuts bodies at {shown:.0f} bytes, and the check server believes at {limit}: it takes a cut body "
            "for a whole one",
        )
    elif shown > limit:
        said.of(
            BODY_LIMIT_LARGER,
            route.name,
            f"Envoy shows {shown:.0f} bytes, and the check server holds and redeems nothing from {limit} on",
        )


def _judge_headers(said: Collected, gate: Gate, route: Route, expected: Expected) -> None:
    removed = {
        each.text.lower() for level in route.levels for each in level.at("request_headers_to_remove").items
    }
    added = {
        each.at("header", "key").text.lower()
        for level in route.levels
        for each in level.at("request_headers_to_add").items
    }
    if route.forwards and TICKET not in removed:
        said.of(TICKET_KEPT, route.name, f"{TICKET} isn't removed on the way to the upstream")
    own = sorted(name for name in removed | added if is_reserved(name) and name not in CLIENTS_OWN)
    if own and not route.exempt:
        said.of(OWN_CHANGED, route.name, f"{', '.join(own)} added or removed after the check")
    if route.exempt or not route.forwards:
        return
    action = route.config.at("route")
    names = [each.at("name").text.lower() for each in route.config.at("match", "headers").items]
    if WISH in names and may_wait(gate, route, expected):
        names.remove(WISH)
        judge_wish(said, gate, route, expected)
    names += [action.at(field).text.lower() for field in _TARGETS if action.at(field).text]
    names += [
        node.at("header_name").text.lower()
        for level in route.levels
        for node in level.at("matcher").walk()
        if node.kind.endswith(_HEADER_INPUT)
    ]
    _unbound(said, route.name, names, expected)


def _judge_scopes(said: Collected, gate: Gate, expected: Expected) -> None:
    builder = gate.manager.config.at("scoped_routes", "scope_key_builder")
    names = [each.at("header_value_extractor", "name").text.lower() for each in builder.at("fragments").items]
    _unbound(said, "all (scope_key_builder)", names, expected)


def _unbound(said: Collected, route: str, names: Sequence[str], expected: Expected) -> None:
    for name in sorted(set(filter(None, names)) - expected.bound_headers):
        if not name.startswith(":") and name not in {"host", TICKET}:
            said.of(HEADER_UNBOUND, route, f"chosen by the header {name}, which no ticket is bound to")


def _judge_chance(said: Collected, route: Route) -> None:
    weighted: Node = route.config.at("route", "weighted_clusters", "clusters")
    if len(weighted.items) > 1:
        said.of(BY_CHANCE, route.name, "leads to one of several clusters by chance")
