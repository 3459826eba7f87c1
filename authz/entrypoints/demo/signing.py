"""The key that this run's bearer tokens are signed with, and the tokens."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from authz.entrypoints.demo.people import ISSUER

AUDIENCE: Final = "holdgate-demo"
LIFETIME: Final = 8 * 60 * 60
"""Seconds that a token is good for, if the run lasts so long: the next run has another key."""

_ALGORITHM = "ES256"
_KEY_ID = "demo"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 key pair as a JWK (RFC 7517); `jwk` includes the private part."""

    jwk: str

    @classmethod
    def new(cls) -> SigningKey:
        """Make a key."""
        return cls(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))

    def jwks(self) -> str:
        """Return the public key set for Envoy, as JSON."""
        public = {name: value for name, value in json.loads(self.jwk).items() if name != "d"}
        public.pop("key_ops", None)  # it says what the private key is for
        return json.dumps({"keys": [{**public, "kid": _KEY_ID, "alg": _ALGORITHM, "use": "sig"}]})

    def token(self, subject: str, name: str, *, audience: str = AUDIENCE, lifetime: int = LIFETIME) -> str:
        """Return a bearer token (RFC 7519) for a person's `sub` and shown name, for `lifetime` seconds."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "sub": subject,
            "name": name,
            "iat": now,
            "exp": now + lifetime,
        }
        key = jwt.PyJWK.from_json(self.jwk, _ALGORITHM)
        return jwt.encode(claims, key, _ALGORITHM, headers={"kid": _KEY_ID})
