"""The cluster of the check server: that it leads there, safely, and no further than there is room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from authz.services.doctor.document import Node
from authz.services.doctor.envoy.dump import Dump, endpoints
from authz.services.doctor.envoy.expected import Expected
from authz.services.doctor.finding import Area, Finding, Rule, Severity

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

CLUSTER_UNKNOWN = Rule(
    "envoy-check-cluster-unknown", _ERROR, Area.ENVOY, "Add the cluster, or correct its name in ext_authz."
)
ENDPOINTS_DIFFER = Rule(
    "envoy-check-endpoints-differ",
    _WARNING,
    Area.ENVOY,
    "Print Envoy's configuration again, or correct HOLDGATE_CHECK_ENDPOINTS.",
)
CHECK_PLAINTEXT = Rule(
    "envoy-check-plaintext",
    _ERROR,
    Area.ENVOY,
    "Give it the transport_socket that `holdgate envoy-config --fragment` prints with HOLDGATE_ENVOY_CHECK_TLS_*.",
)
CHECK_UNVERIFIED = Rule(
    "envoy-check-unverified",
    _ERROR,
    Area.ENVOY,
    "Set trusted_ca and match_typed_subject_alt_names in its validation_context.",
)
NO_HEALTH_CHECK = Rule(
    "envoy-check-health-unchecked",
    _WARNING,
    Area.ENVOY,
    "Give the cluster health_checks with grpc_health_check, so that a draining worker gets no new checks.",
)
PANIC = Rule(
    "envoy-check-panic",
    _WARNING,
    Area.ENVOY,
    "Set common_lb_config.healthy_panic_threshold to 0, so that workers that say NOT_SERVING are not asked.",
)
DRAIN_SHORT = Rule(
    "envoy-drain-short",
    _WARNING,
    Area.ENVOY,
    "Set common_lb_config.update_merge_window to 0s and check more often, or raise HOLDGATE_DRAIN_DELAY above "
    "interval * unhealthy_threshold + timeout + update_merge_window (1s where it isn't set).",
)
TOO_MANY_CHECKS = Rule(
    "envoy-checks-beyond-room",
    _WARNING,
    Area.ENVOY,
    "Lower max_requests of the cluster's circuit breaker, or raise HOLDGATE_MAX_CONCURRENT_CHECKS.",
)
FEW_CHECKS = Rule(
    "envoy-checks-below-room",
    Severity.INFO,
    Area.ENVOY,
    "Raise max_requests of the cluster's circuit breaker: beyond it clients get a 503, also those that ask to wait.",
)

_TLS: Final = ".UpstreamTlsContext"
_DEFAULT_MAX_REQUESTS: Final = 1024
_DEFAULT_MERGE_WINDOW: Final = 1.0
_LOOPBACK: Final = ("127.", "[::1]:", "localhost:", "unix:")


def judge_cluster(name: str, dump: Dump, expected: Expected, room: int) -> Iterator[Finding]:
    """Return what is to be said about a cluster that is asked; the servers take `room` checks from there at once."""
    if not name:
        return  # google_grpc has no cluster
    subject = f"cluster {name}"
    cluster = dump.clusters.get(name)
    if cluster is None:
        yield CLUSTER_UNKNOWN.found(subject, "Envoy has no such cluster, so every check fails.")
        return
    found = endpoints(dump, name)
    if found and found != expected.check_endpoints:
        yield ENDPOINTS_DIFFER.found(
            subject,
            f"It leads to {', '.join(sorted(found))}; the settings say {', '.join(sorted(expected.check_endpoints))}.",
        )
    yield from _encryption(subject, cluster, found, expected)
    yield from _health(subject, cluster, expected)
    yield from _room(subject, cluster, room)


def _encryption(subject: str, cluster: Node, found: frozenset[str], expected: Expected) -> Iterator[Finding]:
    tls = cluster.at("transport_socket", "typed_config").unpacked
    if not tls.kind.endswith(_TLS):
        # Proxies between Envoy and elsewhere have sockets of other kinds; those are somebody's decision.
        far = [each for each in sorted(found) if not each.startswith(_LOOPBACK)]
        if (far or expected.check_tls) and not tls:
            why = "the check server insists on TLS" if expected.check_tls else f"{far[0]} is another machine"
            yield CHECK_PLAINTEXT.found(subject, f"Checks go out unencrypted, and {why}.")
        return
    common = tls.at("common_tls_context")
    context = common.at("validation_context") or common.at(
        "combined_validation_context", "default_validation_context"
    )
    discovered = common.at("validation_context_sds_secret_config") or common.at(
        "combined_validation_context", "validation_context_sds_secret_config"
    )
    names = context.at("match_typed_subject_alt_names").items or context.at("match_subject_alt_names").items
    if not discovered and not (context.at("trusted_ca") and names):
        yield CHECK_UNVERIFIED.found(
            subject, "Envoy doesn't verify whom it asks: another server could answer every check."
        )


def _health(subject: str, cluster: Node, expected: Expected) -> Iterator[Finding]:
    checks = cluster.at("health_checks").items
    if not checks:
        yield NO_HEALTH_CHECK.found(subject, "It has no health_checks.")
        return
    threshold = cluster.at("common_lb_config", "healthy_panic_threshold")
    if not threshold or threshold.at("value").number:
        shown = threshold.at("value").number if threshold else 50
        yield PANIC.found(subject, f"Below {shown:.0f} % healthy workers Envoy asks all of them.")
    window = cluster.at("common_lb_config", "update_merge_window").seconds
    told = _DEFAULT_MERGE_WINDOW if window is None else window
    for check in checks:
        interval, timeout = check.at("interval").seconds or 0, check.at("timeout").seconds or 0
        noticed = 1000 * (interval * (check.at("unhealthy_threshold").number or 1) + timeout + told)
        if noticed > expected.drain_delay:
            yield DRAIN_SHORT.found(
                subject,
                f"Envoy notices a draining worker after up to {noticed:.0f} ms, and HOLDGATE_DRAIN_DELAY is "
                f"{expected.drain_delay} ms.",
            )


def _room(subject: str, cluster: Node, room: int) -> Iterator[Finding]:
    thresholds = cluster.at("circuit_breakers", "thresholds").items
    default = next((each for each in thresholds if each.at("priority").text in {"", "DEFAULT"}), Node(None))
    number = default.at("max_requests").number
    most = _DEFAULT_MAX_REQUESTS if number is None else number
    if most > room:
        yield TOO_MANY_CHECKS.found(
            subject,
            f"Envoy sends up to {most:.0f} checks at once, and the servers take {room}.",
        )
    elif most < room:
        yield FEW_CHECKS.found(
            subject,
            f"Envoy sends up to {most:.0f} checks at once, and the servers would take {room}.",
        )
