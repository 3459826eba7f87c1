"""Sample people behind the Directory port, and bearer tokens that prove to be one of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)

from authz.domain.errors import PolicyUnavailable
from authz.domain.identity import Identity, Person
from authz.entrypoints.management.demo_identity import AUDIENCE
from tests.support.sample_tickets import ISSUER

GROUPS = {"alice": ["admin"], "bob": ["sre"], "carol": ["sre"], "dave": ["developers"]}


class SampleDirectory:
    """Knows alice, bob, carol and dave as `NAME-1` of ISSUER. While `down` is set, it answers nobody."""

    def __init__(self) -> None:
        self.down = False

    async def person(self, identity: Identity, timeout: float) -> Person | None:  # noqa: ARG002 - the port's
        if self.down:
            raise PolicyUnavailable("the test took the directory down")
        name = identity.id.removesuffix("-1")
        if identity.ns != ISSUER or name not in GROUPS:
            return None
        return Person(name, name, frozenset(GROUPS[name]), "test")


@dataclass(frozen=True, slots=True)
class TokenMaker:
    """Signs the tokens that an authenticator with this key's public half accepts."""

    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))

    def claims(self, name: str) -> dict[str, object]:
        now = int(time.time())
        return {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"{name}-1",
            "name": name,
            "iat": now,
            "exp": now + 120,
        }

    def token(self, name: str, **different: object) -> str:
        return jwt.encode({**self.claims(name), **different}, self.key, "ES256")

    def metadata(self, name: str, **different: object) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token(name, **different)}"),)
