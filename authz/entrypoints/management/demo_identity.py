"""The demo's people as callers: a short-lived bearer token signed with the key of this very run.

RFC 6750 (bearer), RFC 7519 (JWT), RFC 8725 (one algorithm, fixed by the key and never by the token).
"""

from __future__ import annotations

from collections.abc import Sequence

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from authz.domain.identity import Identity
from authz.entrypoints.management.authenticator import Unauthenticated
from authz.services.voting import SignedIn

AUDIENCE = "holdgate-management"
METHOD = "demo"
LIFETIME_MAX_S = 300
LEEWAY_S = 5
TOKEN_MAX = 4096
RSA_BITS_MIN = 2048
SUBJECT_MAX = 512


class DemoAuthenticator:
    """Accepts tokens that the running demo signed for this API, valid for five minutes at most."""

    def __init__(self, key: EllipticCurvePublicKey | RSAPublicKey, issuer: str) -> None:
        """Take the run's public key (P-256: ES256, RSA from 2048 bits: RS256) and the `iss` of its tokens.

        Raises ValueError for another key.
        """
        self._key = key
        self._algorithm = _algorithm(key)
        self._issuer = issuer

    @classmethod
    def from_jwk(cls, jwk: str, issuer: str) -> DemoAuthenticator:
        """Take the key as a JWK (RFC 7517). Raises ValueError unless it is a public one of these kinds."""
        try:
            key = jwt.PyJWK.from_json(jwk).key
        except (jwt.PyJWTError, ValueError) as error:
            msg = "the demo's key is not a JWK"
            raise ValueError(msg) from error
        if not isinstance(key, EllipticCurvePublicKey | RSAPublicKey):
            msg = "the demo's key must be a public one of EC or RSA"
            raise ValueError(msg)  # noqa: TRY004 - a value somebody configured, not a programmer's type
        return cls(key, issuer)

    async def authenticate(self, metadata: Sequence[tuple[str, str | bytes]]) -> SignedIn:
        """Return the demo person whom the one bearer token names. Raises Unauthenticated."""
        values = [value for key, value in metadata if key == "authorization"]
        if len(values) != 1 or not isinstance(values[0], str) or len(values[0]) > TOKEN_MAX:
            raise Unauthenticated
        scheme, _, token = values[0].partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[self._algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["aud", "exp", "iat", "iss", "sub"], "strict_aud": True},
            )
        except jwt.PyJWTError:
            # Why a token failed would only help whoever forges one.
            raise Unauthenticated from None
        return self._signed_in(claims)

    def _signed_in(self, claims: dict[str, object]) -> SignedIn:
        subject, issued, expires, name = (claims.get(key) for key in ("sub", "iat", "exp", "name"))
        if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX:
            raise Unauthenticated
        if not isinstance(issued, int) or not isinstance(expires, int):
            raise Unauthenticated
        if expires - issued > LIFETIME_MAX_S:
            raise Unauthenticated
        shown = name if isinstance(name, str) and 0 < len(name) <= SUBJECT_MAX else subject
        return SignedIn(Identity(self._issuer, subject), shown, METHOD, issued * 1000)


def _algorithm(key: EllipticCurvePublicKey | RSAPublicKey) -> str:
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    if isinstance(key, RSAPublicKey) and key.key_size >= RSA_BITS_MIN:
        return "RS256"
    msg = (
        f"demo tokens are verified with a P-256 key, or an RSA key from {RSA_BITS_MIN} bits; this is neither"
    )
    raise ValueError(msg)
