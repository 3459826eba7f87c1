"""All that is to be said about one Envoy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from authz.services.doctor.document import Node
from authz.services.doctor.envoy.clusters import judge_cluster
from authz.services.doctor.envoy.dump import Dump, address_text, read_dump
from authz.services.doctor.envoy.expected import Expected
from authz.services.doctor.envoy.ext_authz import judge_body, judge_filter
from authz.services.doctor.envoy.gate import Gate, Manager, Route, gates, managers, routes
from authz.services.doctor.envoy.headers import judge_headers
from authz.services.doctor.envoy.manager import judge_buffers, judge_manager
from authz.services.doctor.envoy.order import judge_order
from authz.services.doctor.envoy.routes import judge_routes, shown_bytes
from authz.services.doctor.envoy.waiting import check_cluster, may_wait
from authz.services.doctor.finding import Area, Finding, Rule, Severity

ENVOY_SEEN = Rule("envoy-seen", Severity.OK, Area.ENVOY)
ENVOY_UNREACHABLE = Rule(
    "envoy-unreachable",
    Severity.ERROR,
    Area.ENVOY,
    "Run the doctor where Envoy's admin interface can be reached, and give its address with --envoy-admin.",
    unreachable=True,
)
ENVOY_NOT_SEEN = Rule(
    "envoy-not-seen",
    Severity.INFO,
    Area.ENVOY,
    "Give the address of Envoy's admin interface with --envoy-admin to have its configuration looked at.",
)
NO_GATE = Rule(
    "envoy-no-gate",
    Severity.ERROR,
    Area.ENVOY,
    "Merge what `holdgate envoy-config --fragment` prints; nothing behind this Envoy is checked.",
)
BYPASS = Rule(
    "envoy-bypass",
    Severity.WARNING,
    Area.ENVOY,
    "Put the gate into this listener too, or let it lead elsewhere.",
)
ENVOY_OLD = Rule(
    "envoy-version-old",
    Severity.WARNING,
    Area.ENVOY,
    "Upgrade Envoy: what the doctor says is measured from 1.36 on.",
)
ADMIN_EXPOSED = Rule(
    "envoy-admin-exposed",
    Severity.ERROR,
    Area.ENVOY,
    "Bind it to 127.0.0.1 or a unix socket: whoever reaches it controls this Envoy.",
)
ADMIN_OPEN = Rule(
    "envoy-admin-open",
    Severity.INFO,
    Area.ENVOY,
    "Set admin.allow_paths (from Envoy 1.37 on) as `holdgate envoy-config` does.",
)

_OLDEST: Final = (1, 36)
_LOOPBACK: Final = ("127.", "[::1]:", "unix:")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyFacts:
    """What an Envoy's admin interface said: `document` is its config_dump, or `trouble` says why there is none.

    `asked_for` is whether somebody named this Envoy; else one that isn't there is no problem.
    """

    where: str
    asked_for: bool
    trouble: str = ""
    document: object = None


def judge_envoy(facts: EnvoyFacts, expected: Expected) -> Iterator[Finding]:
    """Return what is to be said about one Envoy."""
    if facts.trouble:
        rule = ENVOY_UNREACHABLE if facts.asked_for else ENVOY_NOT_SEEN
        yield rule.found(facts.where, facts.trouble)
        return
    dump = read_dump(facts.document)
    found = list(managers(dump))
    asking = gates(dump, found, expected)
    shown = "of unknown version" if dump.version is None else ".".join(map(str, dump.version))
    yield ENVOY_SEEN.found(
        facts.where, f"Envoy {shown}: {len(found)} HTTP connection manager(s), {len(asking)} with a gate."
    )
    if dump.version is not None and dump.version < _OLDEST:
        yield ENVOY_OLD.found(facts.where, f"This is Envoy {shown}.")
    yield from _admin(facts.where, dump)
    if not asking:
        yield NO_GATE.found(facts.where, "No connection manager has an ext_authz filter that asks over gRPC.")
        return
    gated: set[str] = set()
    asked: dict[str, int] = {}
    for gate in asking:
        ways = list(routes(gate))
        gated.update(cluster for way in ways if not way.exempt for cluster in way.clusters)
        yield from _gate(gate, ways, dump, expected)
        asked |= {name: room for name, room in _rooms(gate, ways, expected).items() if name not in asked}
    for name, room in asked.items():
        yield from judge_cluster(name, dump, expected, room)
    yield from _beside(found, asking, gated)


def _gate(gate: Gate, ways: Sequence[Route], dump: Dump, expected: Expected) -> Iterator[Finding]:
    yield from judge_filter(gate, expected)
    yield from judge_order(gate, expected)
    yield from judge_manager(gate.manager, expected)
    yield from judge_headers(gate.manager)
    checked = [way for way in ways if not way.exempt]
    own_bodies = {way.name: way.check_settings.at("with_request_body") for way in checked}
    for name, body in own_bodies.items():
        yield from judge_body(f"route {name}", body)
    yield from judge_buffers(gate, max((shown_bytes(gate, way) for way in checked), default=0))
    yield from judge_routes(gate, ways, dump, expected).findings()


def _rooms(gate: Gate, ways: Sequence[Route], expected: Expected) -> dict[str, int]:
    """Return the clusters that are asked, and how many checks the servers take from each at once."""
    waiting = {
        check_cluster(gate, way): expected.max_checks + expected.max_waiters
        for way in ways
        if not way.exempt and may_wait(gate, way, expected)
    }
    plain = (check_cluster(gate, way) for way in ways if not way.exempt and not may_wait(gate, way, expected))
    return {**waiting, **dict.fromkeys((gate.cluster, *plain), expected.max_checks)}


def _beside(found: Sequence[Manager], asking: Sequence[Gate], gated: set[str]) -> Iterator[Finding]:
    with_gate = [gate.manager for gate in asking]
    for manager in found:
        if manager in with_gate:
            continue
        leads = {
            name
            for table in manager.tables
            for node in table.walk()
            for name in (node.at("route", "cluster").text, *_weighted(node))
        }
        for cluster in sorted(leads & gated):
            yield BYPASS.found(
                manager.name, f"It leads to cluster {cluster} without a check, which is gated elsewhere."
            )


def _weighted(node: Node) -> list[str]:
    return [each.at("name").text for each in node.at("route", "weighted_clusters", "clusters").items]


def _admin(subject: str, dump: Dump) -> Iterator[Finding]:
    address = address_text(dump.admin.at("address"))
    if address and not address.startswith(_LOOPBACK):
        yield ADMIN_EXPOSED.found(subject, f"The admin interface listens on {address}.")
    if dump.admin and not dump.admin.at("allow_paths").items:
        yield ADMIN_OPEN.found(
            subject, "Everybody who reaches the admin interface can change and end this Envoy."
        )
