"""Which of a client's own headers Envoy removes before anything else looks at them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from authz.domain.reserved_headers import APPROVAL_ID, APPROVED_BY, TICKET
from authz.services.doctor.document import Node
from authz.services.doctor.envoy.gate import Manager
from authz.services.doctor.finding import Area, Finding, Rule, Severity

OWN_KEPT = Rule(
    "envoy-own-headers-kept",
    Severity.WARNING,
    Area.ENVOY,
    "Take over early_header_mutation_extensions as `holdgate envoy-config --fragment` prints them.",
)
TICKET_STRIPPED = Rule(
    "envoy-ticket-stripped-early",
    Severity.ERROR,
    Area.ENVOY,
    "Let early_header_mutation_extensions keep x-approval-ticket; without it nothing can be redeemed.",
)
UNDERSCORES = Rule(
    "envoy-underscores",
    Severity.WARNING,
    Area.ENVOY,
    "Set common_http_protocol_options.headers_with_underscores_action: REJECT_REQUEST.",
)
INTERNAL_CLIENTS = Rule(
    "envoy-internal-clients",
    Severity.ERROR,
    Area.ENVOY,
    "List only 255.255.255.255/32 in internal_address_config, or remove x-envoy-* early.",
)
REMOTE_ADDRESS = Rule("envoy-remote-address", Severity.WARNING, Area.ENVOY, "Set use_remote_address: true.")
CLIENT_CERTIFICATE_HEADER = Rule(
    "envoy-client-certificate-header",
    Severity.WARNING,
    Area.ENVOY,
    "Set forward_client_cert_details: SANITIZE or SANITIZE_SET.",
)

_OWN: Final = (APPROVED_BY, APPROVAL_ID, "x-approval-receipt")
_UNDERSCORED: Final = ("x_approval_by", "x_approval-by", "x-approval_by")
_RETRY: Final = "x-envoy-retry-on"
_NOBODY: Final[tuple[str, float | None]] = ("255.255.255.255", 32)
_SANITIZING: Final = {"", "SANITIZE", "SANITIZE_SET"}
_REFUSING: Final = {"REJECT_REQUEST", "DROP_HEADER"}


def judge_headers(manager: Manager) -> Iterator[Finding]:
    """Return what is to be said about the headers that a client may send."""
    subject, config = manager.name, manager.config
    action = config.at("common_http_protocol_options", "headers_with_underscores_action").text
    if action not in _REFUSING:
        yield UNDERSCORES.found(
            subject,
            f"Headers with underscores are let through ({action or 'ALLOW'}): x_approval_by is x-approval-by for CGI.",
        )
    own = (*_OWN, *(() if action in _REFUSING else _UNDERSCORED))
    kept = [name for name in own if not removed_early(config, name)]
    if kept:
        yield OWN_KEPT.found(subject, f"A client's own {', '.join(kept)} get past the beginning.")
    if removed_early(config, TICKET):
        yield TICKET_STRIPPED.found(subject, f"{TICKET} is removed before the check server sees it.")
    yield from _trust(subject, config)


def removed_early(manager: Node, name: str) -> bool:
    """Say whether a connection manager's early header mutations remove a header of this name."""
    for extension in manager.at("early_header_mutation_extensions").items:
        for mutation in extension.at("typed_config").unpacked.at("mutations").items:
            if mutation.at("remove").text.lower() == name:
                return True
            if _matches(mutation.at("remove_on_match", "key_matcher"), name):
                return True
    return False


def _trust(subject: str, config: Node) -> Iterator[Finding]:
    internal = config.at("internal_address_config")
    if internal and not removed_early(config, _RETRY):
        ranges = [
            (each.at("address_prefix").text, each.at("prefix_len").number)
            for each in internal.at("cidr_ranges").items
        ]
        trusted = [each for each in ranges if each != _NOBODY]
        if trusted or not ranges:
            who = (
                ", ".join(f"{prefix}/{length or 0:.0f}" for prefix, length in trusted)
                or "every private address"
            )
            yield INTERNAL_CLIENTS.found(
                subject,
                f"Clients from {who} may ask Envoy for retries: one approved request can be sent several times.",
            )
    if not config.at("use_remote_address").flag:
        yield REMOTE_ADDRESS.found(
            subject,
            "use_remote_address is false: a client's own x-forwarded-proto and x-forwarded-for are believed.",
        )
    details = config.at("forward_client_cert_details").text
    if details not in _SANITIZING:
        yield CLIENT_CERTIFICATE_HEADER.found(
            subject,
            f"forward_client_cert_details is {details}: a client's own x-forwarded-client-cert can reach the policy.",
        )


def _matches(matcher: Node, name: str) -> bool:
    """Say whether a StringMatcher matches a lowercase header name."""
    for kind, test in (
        ("exact", lambda pattern: name == pattern),
        ("prefix", name.startswith),
        ("suffix", name.endswith),
        ("contains", lambda pattern: pattern in name),
    ):
        pattern = matcher.at(kind).text
        if pattern:
            return test(pattern.lower() if matcher.at("ignore_case").flag else pattern)
    pattern = matcher.at("safe_regex", "regex").text
    try:
        return bool(pattern) and re.fullmatch(pattern, name) is not None
    except re.error:  # RE2 has forms that Python hasn't; what can't be read removes nothing
        return False
