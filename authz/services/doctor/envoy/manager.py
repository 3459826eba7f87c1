"""The connection manager around the gate: paths, upgrades, buffers, answers, logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from authz.services.doctor.envoy.expected import Expected
from authz.services.doctor.envoy.gate import Gate, Manager
from authz.services.doctor.finding import Area, Finding, Rule, Severity

_WARNING = Severity.WARNING

PATH_RAW = Rule("envoy-path-not-normalized", _WARNING, Area.ENVOY, "Set normalize_path: true.")
SLASHES = Rule("envoy-slashes-not-merged", _WARNING, Area.ENVOY, "Set merge_slashes: true.")
ESCAPED_SLASHES = Rule(
    "envoy-escaped-slashes",
    _WARNING,
    Area.ENVOY,
    "Set path_with_escaped_slashes_action: REJECT_REQUEST (KEEP_UNCHANGED where the upstream needs them).",
)
ESCAPED_SLASHES_KEPT = Rule(
    "envoy-escaped-slashes-kept",
    Severity.INFO,
    Area.ENVOY,
    "Make sure that the policy judges the raw path: input.parsed_path takes %2F for a boundary.",
)
UPGRADES = Rule(
    "envoy-upgrade",
    _WARNING,
    Area.ENVOY,
    "Remove the upgrade from what is gated, or let the policy refuse it where nothing may go unseen.",
)
LOCAL_REPLY = Rule(
    "envoy-answers-rewritten",
    _WARNING,
    Area.ENVOY,
    "Remove local_reply_config, or let it leave answers of ext_authz alone: clients need status, headers and body.",
)
LOG_SECRETS = Rule(
    "envoy-log-secrets",
    _WARNING,
    Area.ENVOY,
    "Remove it from access_log: a log is read by more people than a request.",
)
BUFFER_SMALL = Rule(
    "envoy-buffer-small",
    _WARNING,
    Area.ENVOY,
    "Raise it to max_request_bytes; until then Envoy answers 413 by itself to bodies between the two.",
)
NO_CERTIFICATES = Rule(
    "envoy-no-client-certificate",
    Severity.INFO,
    Area.ENVOY,
    "Require client certificates there, or name another source in HOLDGATE_PRINCIPAL_FROM.",
)
ROUTES_UNKNOWN = Rule(
    "envoy-routes-unknown",
    _WARNING,
    Area.ENVOY,
    "Look at the control plane, and run the doctor again when they are there.",
)

_SECRET_IN_LOG: Final = re.compile(
    r"%REQ(?:_WITHOUT_QUERY)?\((?:[^)]*\?)?(x-approval-ticket|authorization|cookie)", re.IGNORECASE
)
_DEFAULT_BUFFER: Final = 1 << 20


def judge_manager(manager: Manager, expected: Expected) -> Iterator[Finding]:
    """Return what is to be said about one connection manager with a gate."""
    subject, config = manager.name, manager.config
    yield from _paths(manager)
    for each in config.at("upgrade_configs").items:
        if each.at("enabled").value is not False:
            yield UPGRADES.found(
                subject,
                f"Upgrades to {each.at('upgrade_type').text} pass: one check opens a session that nobody sees.",
            )
    reply = config.at("local_reply_config")
    if reply.at("mappers").items or reply.at("body_format"):
        yield LOCAL_REPLY.found(
            subject, "local_reply_config rewrites the answers to held and refused requests."
        )
    secrets = {
        found[1].lower()
        for text in config.at("access_log").strings()
        for found in _SECRET_IN_LOG.finditer(text)
    }
    for name in sorted(secrets):
        yield LOG_SECRETS.found(subject, f"The access log has the header {name}.")
    required = manager.chain.at("transport_socket", "typed_config").unpacked.at("require_client_certificate")
    if expected.certificates and not required.flag:
        yield NO_CERTIFICATES.found(
            subject, "It requires no client certificates, so source.principal is empty for who has none."
        )
    for name in manager.missing:
        yield ROUTES_UNKNOWN.found(
            subject, f"Envoy has no routes named {name}, so they couldn't be looked at."
        )


def judge_buffers(gate: Gate, most: float) -> Iterator[Finding]:
    """Return what is to be said about buffers where `most` bytes of a body are shown."""
    subject = gate.manager.name
    buffer = gate.manager.listener.at("per_connection_buffer_limit_bytes").number
    window = gate.manager.config.at("http2_protocol_options", "initial_stream_window_size").number
    if (_DEFAULT_BUFFER if buffer is None else buffer) < most:
        shown = _DEFAULT_BUFFER if buffer is None else buffer
        yield BUFFER_SMALL.found(
            subject, f"per_connection_buffer_limit_bytes is {shown:.0f}, and max_request_bytes {most:.0f}."
        )
    if window is not None and window < most:
        yield BUFFER_SMALL.found(
            subject, f"initial_stream_window_size (HTTP/2) is {window:.0f}, and max_request_bytes {most:.0f}."
        )


def _paths(manager: Manager) -> Iterator[Finding]:
    subject, config = manager.name, manager.config
    if not config.at("normalize_path").flag:
        yield PATH_RAW.found(
            subject,
            "normalize_path is false: /a/../admin is another path for the policy than for many upstreams.",
        )
    if not config.at("merge_slashes").flag:
        yield SLASHES.found(
            subject, "merge_slashes is false: //admin is another path for the policy than for many upstreams."
        )
    action = config.at("path_with_escaped_slashes_action").text
    if action == "KEEP_UNCHANGED":
        yield ESCAPED_SLASHES_KEPT.found(subject, "%2F reaches policy and upstream as it is.")
    elif action != "REJECT_REQUEST":
        yield ESCAPED_SLASHES.found(
            subject,
            f"path_with_escaped_slashes_action is {action or 'not set'}: /a%2Fb has more than one reading.",
        )
