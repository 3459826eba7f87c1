"""The digests of the request parts that a ticket is bound to.

Every part has a digest of its own, so that a changed request can be answered with the names of the parts that
changed, and never with their values. Nothing is decoded before hashing: `a%2Fb` and `a/b` are two paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from authz.domain.body import visible_body
from authz.domain.errors import BytesHidden
from authz.domain.identity import Identity
from authz.domain.ignored_body import without
from authz.domain.request import GatedRequest

ALWAYS_BOUND_HEADERS = frozenset(
    {
        "content-encoding",
        "content-range",
        "content-type",
        "depth",
        "destination",
        "if-match",
        "if-none-match",
        "overwrite",
        "range",
        # Method overrides and target overrides: some upstreams obey them over the request line.
        "x-forwarded-host",
        "x-forwarded-prefix",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-rewrite-url",
    }
)

_HEADER_PREFIX = "header:"


@dataclass(frozen=True, slots=True)
class Binding:
    """What a ticket is bound to beyond the fixed parts: header names (lowercase), and whether the body.

    `ignores` are JSON pointers to what may differ in a JSON body.
    """

    headers: frozenset[str]
    body: bool = True
    ignores: tuple[str, ...] = ()

    def covers(self, other: Binding) -> bool:
        """Say whether everything that the other binds is bound here too."""
        if not other.headers <= self.headers:
            return False
        return not other.body or (self.body and set(self.ignores) <= set(other.ignores))


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Part name to hex SHA-256. Headers are `header:NAME`; an unbound body has no part."""

    parts: Mapping[str, str]

    @property
    def digest(self) -> str:
        """One hex SHA-256 over all parts: equal exactly when every part is equal."""
        return _digest(*(text for name in sorted(self.parts) for text in (name, self.parts[name])))

    @property
    def payload_digest(self) -> str:
        """The same without the principal: what an approver is shown and what a vote names."""
        parts = [name for name in sorted(self.parts) if name != "principal"]
        return _digest(*(text for name in parts for text in (name, self.parts[name])))

    @property
    def binding(self) -> Binding:
        """The binding that this fingerprint was taken with, but for what may differ in the body."""
        names = (name for name in self.parts if name.startswith(_HEADER_PREFIX))
        return Binding(frozenset(name.removeprefix(_HEADER_PREFIX) for name in names), "body" in self.parts)


def take_fingerprint(
    request: GatedRequest, principal: Identity, decision_path: str, binding: Binding
) -> Fingerprint:
    """Digest every bound part of a request.

    Raises BodyNotVisible when the body is bound and was not certainly seen whole, and BytesHidden when a bound
    value may hide bytes that Envoy replaced.
    """
    parts = {
        "principal": _digest(principal.ns, principal.id),
        "decision_path": _digest(decision_path),
        "context_extensions": _digest(
            *(
                text
                for key in sorted(request.context_extensions)
                for text in (key, request.context_extensions[key])
            )
        ),
        "method": _digest(request.method),
        "scheme": _digest(request.scheme),
        "host": _digest(request.host),
        "path": _digest(request.path),
        # No query and an empty query are two different request targets.
        "query": _digest() if request.query is None else _digest(request.query),
    }
    for name in sorted(binding.headers):
        values = request.values(name)
        if not request.raw_headers and any(b"!" in value for value in values):
            raise BytesHidden(_HEADER_PREFIX + name)
        parts[_HEADER_PREFIX + name] = _digest(name, *values)
    if not request.raw_headers and "!" in request.host:
        part = "host"
        raise BytesHidden(part)
    if binding.body:
        body = visible_body(request)
        parts["body"] = _body_digest(body, binding.ignores if _is_json(request) else ())
    return Fingerprint(parts)


def _is_json(request: GatedRequest) -> bool:
    """Say whether the upstream reads the body as JSON too: an ignored member may hide fields from a form's reader."""
    kinds = request.values("content-type")
    if len(kinds) != 1:
        return False
    kind, _, parameters = kinds[0].decode("latin-1").lower().partition(";")
    named = kind.strip()
    utf8 = parameters.replace(" ", "").replace('"', "") in {"", "charset=utf-8"}
    return utf8 and (
        named == "application/json" or (named.startswith("application/") and named.endswith("+json"))
    )


def _body_digest(body: bytes, ignores: tuple[str, ...]) -> str:
    rest = without(body, ignores) if ignores else None
    return _digest(body) if rest is None else _digest("json", *ignores, rest)


def scope_digest(principal: Identity, rule: str, scope: str) -> str:
    """Return the hex SHA-256 that stands for every request of a principal, a rule and a scope."""
    return _digest("scope", principal.ns, principal.id, rule, scope)


def changed_parts(then: Fingerprint, now: Fingerprint) -> tuple[str, ...]:
    """Name the parts that differ, sorted; a part that only one of them has differs."""
    names = then.parts.keys() | now.parts.keys()
    return tuple(sorted(name for name in names if then.parts.get(name) != now.parts.get(name)))


def always_bound(extra: Iterable[str]) -> frozenset[str]:
    """Return the fixed header names and the operator's, lowercase."""
    return ALWAYS_BOUND_HEADERS | {name.lower() for name in extra}


def _digest(*values: str | bytes) -> str:
    """SHA-256 over length-prefixed values: no two lists of values share an encoding."""
    total = sha256(len(values).to_bytes(8, "big"))
    for value in values:
        data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()
