"""The ext_authz filter itself: what it asks, what it shows, and what it does without an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from authz.services.doctor.document import Node
from authz.services.doctor.envoy.expected import Expected
from authz.services.doctor.envoy.gate import Gate
from authz.services.doctor.finding import Area, Finding, Rule, Severity

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

FAILURE_ALLOWED = Rule("envoy-failure-mode-allow", _ERROR, Area.ENVOY, "Set failure_mode_allow: false.")
PARTLY_ENABLED = Rule(
    "envoy-gate-partly-enabled",
    _ERROR,
    Area.ENVOY,
    "Remove it, and exempt single routes by ExtAuthzPerRoute with disabled: true instead.",
)
HEADERS_WITHHELD = Rule(
    "envoy-headers-withheld",
    _ERROR,
    Area.ENVOY,
    "Remove allowed_headers and disallowed_headers: what the check server isn't shown, no ticket is bound to.",
)
API_VERSION = Rule("envoy-transport-api-version", _ERROR, Area.ENVOY, "Set transport_api_version: V3.")
ROUTE_CACHE = Rule(
    "envoy-route-cache-cleared",
    _ERROR,
    Area.ENVOY,
    "Set clear_route_cache: false, so that the route that was checked is the one that is taken.",
)
BODY_AS_TEXT = Rule("envoy-body-as-text", _ERROR, Area.ENVOY, "Set with_request_body.pack_as_bytes: true.")
BODY_REFUSED = Rule(
    "envoy-partial-body-refused",
    _WARNING,
    Area.ENVOY,
    "Set with_request_body.allow_partial_message: true; Holdgate itself refuses what it saw only in part.",
)
STATUS_ON_ERROR = Rule(
    "envoy-status-on-error", _WARNING, Area.ENVOY, "Set status_on_error: {code: ServiceUnavailable}."
)
HEADERS_JOINED = Rule("envoy-headers-not-raw", _WARNING, Area.ENVOY, "Set encode_raw_headers: true.")
UNVALIDATED = Rule("envoy-mutations-unvalidated", _WARNING, Area.ENVOY, "Set validate_mutations: true.")
MUTATIONS_LIMITED = Rule(
    "envoy-mutations-limited",
    _WARNING,
    Area.ENVOY,
    "Remove decoder_header_mutation_rules, or make sure that x-approval-* can be set and removed.",
)
ANSWER_CUT = Rule(
    "envoy-answer-cut",
    _WARNING,
    Area.ENVOY,
    "Remove max_denied_response_body_bytes, or give it at least 16384 bytes.",
)
METADATA_DROPPED = Rule(
    "envoy-metadata-dropped",
    Severity.INFO,
    Area.ENVOY,
    "Remove enable_dynamic_metadata_ingestion: false, so that access logs can name decision and ticket.",
)
CLAIMS_MISSING = Rule(
    "envoy-claims-missing",
    _ERROR,
    Area.ENVOY,
    "Add it to metadata_context_namespaces, or nobody has a principal from there.",
)
TIMEOUT_DIFFERS = Rule(
    "envoy-timeout-differs",
    _WARNING,
    Area.ENVOY,
    "Give grpc_service.timeout and HOLDGATE_CHECK_TIMEOUT the same value.",
)
TIMEOUT_TIGHT = Rule(
    "envoy-timeout-tight",
    _ERROR,
    Area.ENVOY,
    "Raise grpc_service.timeout, or lower HOLDGATE_OPA_TIMEOUT and HOLDGATE_REDIS_TIMEOUT.",
)

_DEFAULT_TIMEOUT: Final = 0.2
_ANSWER_BYTES: Final = 16_384
_UNAVAILABLE: Final = ("ServiceUnavailable", 503)


def judge_filter(gate: Gate, expected: Expected) -> Iterator[Finding]:
    """Return what is to be said about one ext_authz filter."""
    subject, config = gate.manager.name, gate.filter.config
    if config.at("failure_mode_allow").flag:
        yield FAILURE_ALLOWED.found(
            subject, "failure_mode_allow is true: every request passes while no check server answers."
        )
    for name in ("filter_enabled", "filter_enabled_metadata"):
        if config.at(name) and not _always(config.at(name)):
            yield PARTLY_ENABLED.found(subject, f"{name} decides which requests are checked at all.")
    for name in ("allowed_headers", "disallowed_headers"):
        if config.at(name, "patterns").items:
            yield HEADERS_WITHHELD.found(subject, f"{name} keeps headers from the check server.")
    if config.at("transport_api_version").text != "V3":
        shown = config.at("transport_api_version").text or "not set"
        yield API_VERSION.found(subject, f"transport_api_version is {shown}; Holdgate speaks V3.")
    if config.at("clear_route_cache").flag:
        yield ROUTE_CACHE.found(
            subject,
            "clear_route_cache is true: a header that the policy sets can lead the request elsewhere.",
        )
    yield from judge_body(subject, config.at("with_request_body"))
    yield from _answers(subject, config)
    yield from _times(subject, config, expected)
    shown_namespaces = {each.text for each in config.at("metadata_context_namespaces").items}
    for namespace in expected.namespaces:
        if namespace not in shown_namespaces:
            yield CLAIMS_MISSING.found(
                subject, f"The metadata of {namespace}, which HOLDGATE_PRINCIPAL_FROM names, isn't passed on."
            )


def judge_body(subject: str, body: Node) -> Iterator[Finding]:
    """Return what is to be said about one BufferSettings, but for its size."""
    if not body:
        return
    if not body.at("pack_as_bytes").flag:
        yield BODY_AS_TEXT.found(
            subject, "pack_as_bytes is false: bytes outside UTF-8 are altered, and two bodies look the same."
        )
    if not body.at("allow_partial_message").flag:
        yield BODY_REFUSED.found(
            subject,
            "allow_partial_message is false: Envoy answers 413 to every larger body, also where the policy allows it.",
        )


def _answers(subject: str, config: Node) -> Iterator[Finding]:
    if config.at("status_on_error", "code").value not in _UNAVAILABLE:
        shown = config.at("status_on_error", "code").value or 403
        yield STATUS_ON_ERROR.found(
            subject, f"Without an answer Envoy says {shown}, which reads as the policy's own refusal."
        )
    if not config.at("encode_raw_headers").flag:
        yield HEADERS_JOINED.found(
            subject, "encode_raw_headers is false: doubled headers arrive joined, bytes outside UTF-8 as '!'."
        )
    if not config.at("validate_mutations").flag:
        yield UNVALIDATED.found(
            subject, "validate_mutations is false: a line break in a header would reach client or upstream."
        )
    if config.at("decoder_header_mutation_rules"):
        yield MUTATIONS_LIMITED.found(
            subject, "decoder_header_mutation_rules limits which headers Holdgate can set and remove."
        )
    most = config.at("max_denied_response_body_bytes").number
    if most and most < _ANSWER_BYTES:
        yield ANSWER_CUT.found(
            subject, f"Answers to held and refused requests are cut after {most:.0f} bytes."
        )
    if config.at("enable_dynamic_metadata_ingestion").value is False:
        yield METADATA_DROPPED.found(subject, "Envoy drops the metadata of each answer.")


def _times(subject: str, config: Node, expected: Expected) -> Iterator[Finding]:
    seconds = config.at("grpc_service", "timeout").seconds
    timeout = 1000 * (_DEFAULT_TIMEOUT if seconds is None else seconds)
    needed = expected.opa_timeout + expected.redis_timeout
    if 0 < timeout <= needed:
        yield TIMEOUT_TIGHT.found(
            subject,
            f"Envoy gives a check {timeout:.0f} ms, and HOLDGATE_OPA_TIMEOUT and HOLDGATE_REDIS_TIMEOUT together are "
            f"{needed} ms.",
        )
    elif timeout != expected.check_timeout:
        shown = f"{timeout:.0f} ms" if timeout else "any time"
        yield TIMEOUT_DIFFERS.found(
            subject,
            f"Envoy gives a check {shown}, and HOLDGATE_CHECK_TIMEOUT is {expected.check_timeout} ms.",
        )


def _always(enabled: Node) -> bool:
    """Say whether a RuntimeFractionalPercent is fixed at 100 %."""
    denominators = {"": 100, "HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
    whole = denominators.get(enabled.at("default_value", "denominator").text)
    return enabled.at("default_value", "numerator").number == whole and not enabled.at("runtime_key").text
