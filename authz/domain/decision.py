"""OPA's answer to one request, read: allow, deny or hold.

The result document is the OPA Envoy plugin's, with `approval` beside `allowed: false` for a hold and `requester`
for a principal that the policy knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from authz.domain.described_value import described
from authz.domain.errors import PolicyMalformed
from authz.domain.header_mutation import Mutations, NameValues
from authz.domain.identity import MAX_ID_LENGTH, Identity, Principal, is_identity_part

DENIED_STATUS = 403
_HELD_STATUSES = frozenset({202, 403, 428, 503})
# Interim and switching statuses would end or confuse the client's exchange; Envoy passes even 100 on (measured).
_STATUSES = range(200, 600)
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}", re.ASCII)
# On the way up a policy may set pseudo-headers. On the way back `:status` would undo the bounds on http_status.
_PSEUDO_HEADER = re.compile(r":[a-z]{1,32}", re.ASCII)
_UNSAFE_VALUE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Allow:
    """The policy lets this request through, with these changes."""

    mutations: Mutations = field(default_factory=Mutations)


@dataclass(frozen=True, slots=True)
class Deny:
    """The policy refuses, with this answer for the client."""

    status: int = DENIED_STATUS
    headers: NameValues = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """The policy demands a person. `demand` is the raw `approval`; `status` what the policy says for the client."""

    demand: object
    status: int | None = None


@dataclass(frozen=True, slots=True)
class BreakGlassAllow:
    """The policy lets this request through in an emergency. `approval` is the raw object with the terms."""

    approval: Mapping[str, object]
    mutations: Mutations = field(default_factory=Mutations)


Verdict: TypeAlias = "Allow | BreakGlassAllow | Deny | Hold"


@dataclass(frozen=True, slots=True)
class Decision:
    """One of these, with what goes along with any of them."""

    verdict: Verdict
    requester: Principal | None = None
    dynamic_metadata: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


_YES, _NO = Decision(Allow()), Decision(Deny())


def read_decision(result: object) -> Decision:
    """Read a result document. Raises PolicyMalformed on anything that can't be obeyed to the letter."""
    if isinstance(result, bool):
        return _YES if result else _NO
    if not isinstance(result, Mapping):
        msg = f"the decision is {described(result)}; it must be true, false or an object"
        raise PolicyMalformed(msg)
    allowed = result.get("allowed")
    if not isinstance(allowed, bool):
        msg = f"allowed: {described(allowed)} must be true or false"
        raise PolicyMalformed(msg)
    if "approval" in result:
        verdict: Verdict = _break_glass(result) if allowed else Hold(result["approval"], _held_status(result))
    elif allowed:
        verdict = Allow(_mutations(result))
    else:
        verdict = Deny(_denied_status(result), _headers(result, "headers"), _text(result, "body"))
    return Decision(verdict, _requester(result), _object(result, "dynamic_metadata"))


def _break_glass(result: Mapping[str, object]) -> BreakGlassAllow:
    approval = result["approval"]
    if not isinstance(approval, Mapping) or "break_glass" not in approval:
        msg = "approval: a demand beside allowed: true contradicts it; only break_glass may stand there"
        raise PolicyMalformed(msg)
    return BreakGlassAllow(approval, _mutations(result))


def _mutations(result: Mapping[str, object]) -> Mutations:
    return Mutations(
        headers=_headers(result, "headers", pseudo=True),
        remove_headers=_strings(result, "request_headers_to_remove"),
        response_headers=_headers(result, "response_headers_to_add"),
        set_query=_named(_object(result, "query_parameters_to_set"), "query_parameters_to_set"),
        remove_query=_strings(result, "query_parameters_to_remove"),
    )


def _headers(result: Mapping[str, object], key: str, *, pseudo: bool = False) -> NameValues:
    """Read headers and refuse those that could split a message (CR and LF reach the wire through Envoy, measured)."""
    pairs = _pairs(result, key)
    for name, value in pairs:
        named = _FIELD_NAME.fullmatch(name) or (pseudo and _PSEUDO_HEADER.fullmatch(name))
        if not named or _UNSAFE_VALUE.search(value):
            msg = f"{key}: {described(name)} has a name or value that is not one of RFC 9110 section 5"
            raise PolicyMalformed(msg)
    return pairs


def _pairs(result: Mapping[str, object], key: str) -> NameValues:
    """Read `{name: value}`, `{name: [values]}` or an array of such objects."""
    value = result.get(key, {})
    objects = value if isinstance(value, list) else [value]
    pairs: NameValues = ()
    for item in objects:
        if not isinstance(item, Mapping):
            msg = f"{key}: {described(item)} must be an object of strings"
            raise PolicyMalformed(msg)
        pairs += _named(item, key)
    return pairs


def _named(fields: Mapping[str, object], key: str) -> NameValues:
    """Read `{name: value}` or `{name: [values]}`."""
    pairs: list[tuple[str, str]] = []
    for name, content in fields.items():
        values: list[object] = content if isinstance(content, list) else [content]
        texts = [text for text in values if isinstance(text, str)]
        if len(texts) < len(values):
            # Not the value: a policy may pass on what a client sent, and this goes to the log.
            msg = f"{key}: {described(name)} has {described(content)}; it must be a string or an array of strings"
            raise PolicyMalformed(msg)
        pairs += [(str(name), text) for text in texts]
    return tuple(pairs)


def _strings(result: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = result.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        msg = f"{key}: {described(value)} must be an array of strings"
        raise PolicyMalformed(msg)
    return tuple(value)


def _text(result: Mapping[str, object], key: str) -> str:
    value = result.get(key, "")
    if not isinstance(value, str):
        msg = f"{key}: {described(value)} must be a string"
        raise PolicyMalformed(msg)
    return value


def _object(result: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = result.get(key, {})
    if not isinstance(value, Mapping):
        msg = f"{key}: {described(value)} must be an object"
        raise PolicyMalformed(msg)
    return value


def _status(result: Mapping[str, object]) -> int | None:
    value = result.get("http_status")
    if value is None and "http_status" not in result:
        return None
    # 403.0 and 4.03e2 are no statuses to the plugin; a bool is not one either.
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"http_status: {described(value)} must be a whole number, written as one"
        raise PolicyMalformed(msg)
    return value


def _denied_status(result: Mapping[str, object]) -> int:
    status = _status(result)
    if status is None:
        return DENIED_STATUS
    if status not in _STATUSES:
        msg = f"http_status: {described(status)} is not an HTTP status from {_STATUSES.start} to {_STATUSES.stop - 1}"
        raise PolicyMalformed(msg)
    return status


def _held_status(result: Mapping[str, object]) -> int | None:
    status = _status(result)
    if status is not None and status not in _HELD_STATUSES:
        msg = f"http_status: {described(status)} beside a demand must be one of {sorted(_HELD_STATUSES)}"
        raise PolicyMalformed(msg)
    return status


def _requester(result: Mapping[str, object]) -> Principal | None:
    if "requester" not in result:
        return None
    fields = _object(result, "requester")
    ns, identifier, name = fields.get("ns"), fields.get("id"), fields.get("name", "")
    if not (is_identity_part(ns) and is_identity_part(identifier) and isinstance(name, str)):
        msg = (
            f"requester: ns and id are needed as strings of 1 to {MAX_ID_LENGTH} characters, name may be one"
        )
        raise PolicyMalformed(msg)
    return Principal(Identity(ns, identifier), name[:MAX_ID_LENGTH])
