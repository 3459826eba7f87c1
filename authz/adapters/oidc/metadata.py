"""What a provider says of itself (OpenID Connect Discovery 1.0 section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from authz.domain.errors import ProviderUnavailable
from authz.domain.protected_url import is_protected

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures that only the provider can make. Never `none`, and never HMAC, whose key every verifier has."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where the provider's endpoints are, and what it can do.

    `secret_in_body` tells how the client proves itself (RFC 6749 section 2.3.1), `names_itself` whether its answers
    carry `iss` (RFC 9207).
    """

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    algorithms: tuple[str, ...]
    secret_in_body: bool
    names_itself: bool


def parse_metadata(document: Mapping[str, object], issuer: str) -> Metadata:
    """Read the document of `issuer`. Raises ProviderUnavailable, for the operator, when it isn't that or of no use."""
    if document.get("issuer") != issuer:
        # Section 4.3: exactly the same, so that no other provider's endpoints are taken for this one's.
        raise ProviderUnavailable(
            f"the provider calls itself {document.get('issuer')!r:.200}, and HOLDGATE_OIDC_ISSUER is {issuer!r}"
        )
    algorithms = _listed(document, "id_token_signing_alg_values_supported", ("RS256",))
    usable = tuple(name for name in ALGORITHMS if name in algorithms)
    if not usable:
        raise ProviderUnavailable(f"the provider signs with none of {', '.join(ALGORITHMS)}")
    return Metadata(
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        token_endpoint=_endpoint(document, "token_endpoint"),
        jwks_uri=_endpoint(document, "jwks_uri"),
        algorithms=usable,
        secret_in_body="client_secret_post"
        in _listed(document, "token_endpoint_auth_methods_supported", ("client_secret_basic",)),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not is_protected(value):
        raise ProviderUnavailable(f"the provider's {name} is {value!r:.200}, not an https:// address")
    return value


def _listed(document: Mapping[str, object], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = document.get(name)
    if not isinstance(value, list):
        return default
    return tuple(item for item in value if isinstance(item, str))
