"""The filters around the one that asks: who the caller is has to be known before, and nothing may change after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from authz.services.doctor.document import Node
from authz.services.doctor.envoy.expected import Expected
from authz.services.doctor.envoy.gate import Gate
from authz.services.doctor.finding import Area, Finding, Rule, Severity

VERIFIED_LATE = Rule(
    "envoy-caller-verified-late",
    Severity.ERROR,
    Area.ENVOY,
    "Put jwt_authn before ext_authz in http_filters, or nobody has a principal.",
)
CHANGED_AFTER = Rule(
    "envoy-request-changed-after",
    Severity.WARNING,
    Area.ENVOY,
    "Move it before ext_authz, or make sure that it changes nothing that decides what the upstream does.",
)
GATE_WRAPPED = Rule(
    "envoy-gate-wrapped",
    Severity.WARNING,
    Area.ENVOY,
    "Put ext_authz directly into http_filters: whether it is asked depends on another filter here.",
)

_JWT: Final = "jwt_authn.v3.JwtAuthentication"

# Filters that leave method, target, headers and body of a request as they are, by their message's package.
_HARMLESS: Final = frozenset(
    {
        "adaptive_concurrency",
        "admission_control",
        "bandwidth_limit",
        "buffer",
        "compressor",
        "cors",
        "csrf",
        "ext_authz",
        "fault",
        "file_system_buffer",
        "grpc_stats",
        "health_check",
        "local_ratelimit",
        "on_demand",
        "ratelimit",
        "rbac",
        "router",
        "set_filter_state",
        "set_metadata",
        "stateful_session",
        "tap",
        "upstream_codec",
    }
)
_HTTP_FILTERS: Final = ".filters.http."


def judge_order(gate: Gate, expected: Expected) -> Iterator[Finding]:
    """Return what is to be said about the filters before and after."""
    subject = gate.manager.name
    after = gate.manager.filters[gate.place + 1 :]
    for each in after:
        if each.config.kind.endswith(_JWT):
            if each.name in expected.namespaces:
                yield VERIFIED_LATE.found(
                    subject, f"Filter {each.name} verifies the caller after the check server was asked."
                )
        elif changes(each.config):
            yield CHANGED_AFTER.found(
                subject, f"Filter {each.name} works after the check and may change what was checked."
            )
    for each in gate.manager.filters:
        if each.hides_one:
            yield GATE_WRAPPED.found(subject, f"Filter {each.name} has an ext_authz filter inside.")


def changes(config: Node) -> bool:
    """Say whether an HTTP filter may change a request; one that isn't known may."""
    _, known, rest = config.kind.partition(_HTTP_FILTERS)
    return not known or rest.partition(".")[0] not in _HARMLESS
