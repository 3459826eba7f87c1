"""Who an ID token speaks of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from authz.domain.errors import SignInFailed
from authz.domain.identity import Identity, is_identity_part

NAME_MAX = 200

_ENTRA = re.compile(
    r"https://login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)/([0-9a-f-]{36})/v2\.0",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Proven:
    """Somebody whose identity the provider vouches for.

    `auth_time` is when they last proved it to the provider (epoch seconds), 0 where the provider doesn't say. `name`
    is for showing. `groups` is None where the provider isn't asked for them.
    """

    identity: Identity
    name: str
    auth_time: int
    groups: tuple[str, ...] | None = None


def proven(claims: Mapping[str, object], issuer: str, name_claim: str, latest_s: float) -> Proven:
    """Read verified claims. `latest_s` is the latest time that `auth_time` may say. Raises SignInFailed."""
    identity = _identity(claims, issuer)
    name = claims.get(name_claim)
    shown = name[:NAME_MAX] if isinstance(name, str) and name.strip() else identity.id
    return Proven(identity, shown, _auth_time(claims, latest_s))


def tenant_of(issuer: str) -> str | None:
    """Return the Entra tenant that an issuer is, None for any other provider."""
    match = _ENTRA.fullmatch(issuer)
    return match.group(1) if match else None


def _identity(claims: Mapping[str, object], issuer: str) -> Identity:
    """(iss, sub); at Entra (tid, oid), because its `sub` is another one for each application."""
    tenant = tenant_of(issuer)
    if tenant is None:
        return _made(issuer, claims.get("sub"), "sub")
    if claims.get("tid") != tenant:
        raise SignInFailed("foreign-tenant", "This account is not one of the organization's own.")
    return _made(tenant, claims.get("oid"), "oid (the scope profile brings it)")


def _made(ns: str, identifier: object, claim: str) -> Identity:
    if not is_identity_part(identifier):
        code = "identity-missing"
        raise SignInFailed(
            code, f"The identity provider doesn't say who you are: its ID token has no {claim}."
        )
    return Identity(ns, identifier)


def _auth_time(claims: Mapping[str, object], latest_s: float) -> int:
    value = claims.get("auth_time")
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= latest_s:
        code = "id-token-invalid"
        raise SignInFailed(
            code,
            "The identity provider says that you signed in at a time that can't be. Its clock may be wrong.",
        )
    return int(value)
