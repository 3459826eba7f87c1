"""Where the principal of a request comes from: an ordered list of verified sources.

`source.principal` is the peer certificate's identity as Envoy gives it (URI SAN, else DNS SAN, else subject).
`metadata:NAMESPACE/CLAIM` is a claim of a token that Envoy verified; CLAIM may be a path (`jwt/sub`).
`policy` is the `requester` of OPA's result, read only after the policy has answered.
A client's bare header is not a source and can't be made one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from authz.domain.identity import MAX_ID_LENGTH, Identity, Principal, is_identity_part
from authz.domain.request import GatedRequest

# The claim that scopes each subject claim; a subject without its issuer is nobody (OIDC Core §2, Entra's oid).
_ISSUER_OF = {"oid": "tid"}


@dataclass(frozen=True, slots=True)
class PrincipalSource:
    """One parsed entry of HOLDGATE_PRINCIPAL_FROM. `path` is the claim's path for `metadata`, else empty."""

    kind: str
    namespace: str = ""
    path: tuple[str, ...] = ()


def parse_principal_source(text: str) -> PrincipalSource:
    """Parse one entry. Raises ValueError naming the entry and the three accepted forms."""
    if text in {"source.principal", "policy"}:
        return PrincipalSource(text)
    scheme, _, rest = text.partition(":")
    namespace, *path = rest.split("/")
    if scheme != "metadata" or not namespace or not path or not all(path):
        msg = f"{text!r} is not source.principal, metadata:NAMESPACE/CLAIM or policy"
        raise ValueError(msg)
    return PrincipalSource("metadata", namespace, tuple(path))


def verified_principal(request: GatedRequest, sources: Sequence[PrincipalSource]) -> Principal | None:
    """Return the first principal that a source other than `policy` gives, or None."""
    for source in sources:
        principal = _from_source(request, source)
        if principal is not None:
            return principal
    return None


def _from_source(request: GatedRequest, source: PrincipalSource) -> Principal | None:
    if source.kind == "source.principal" and request.source_principal:
        scheme = "spiffe" if request.source_principal.startswith("spiffe://") else "x509"
        return _principal(scheme, request.source_principal, "")
    if source.kind == "metadata":
        return _from_claims(request.claims.get(source.namespace), source.path)
    return None


def _from_claims(claims: object, path: tuple[str, ...]) -> Principal | None:
    for key in path[:-1]:
        claims = claims.get(key) if isinstance(claims, Mapping) else None
    if not isinstance(claims, Mapping):
        return None
    claim = path[-1]
    name = claims.get("name")
    return _principal(
        claims.get(_ISSUER_OF.get(claim, "iss")), claims.get(claim), name if isinstance(name, str) else ""
    )


def _principal(ns: object, identifier: object, name: str) -> Principal | None:
    if not (is_identity_part(ns) and is_identity_part(identifier)):
        return None
    return Principal(Identity(ns, identifier), name[:MAX_ID_LENGTH])
