from __future__ import annotations

import json

import jwt
import pytest

from authz.entrypoints.demo.people import ISSUER
from authz.entrypoints.demo.signing import AUDIENCE, SigningKey


def test_a_token_is_good_for_the_public_key_and_no_other() -> None:
    key, other = SigningKey.new(), SigningKey.new()
    token = key.token("alice", "Alice", lifetime=60)

    def claims(jwks: str) -> dict[str, object]:
        public = jwt.PyJWKSet.from_json(jwks).keys[0]
        return jwt.decode(token, public, ["ES256"], issuer=ISSUER, audience=AUDIENCE)

    read = claims(key.jwks())
    assert (read["sub"], read["name"]) == ("alice", "Alice")
    assert jwt.get_unverified_header(token)["kid"] == json.loads(key.jwks())["keys"][0]["kid"]
    with pytest.raises(jwt.InvalidSignatureError):
        claims(other.jwks())


def test_what_envoy_gets_has_no_private_part() -> None:
    key = SigningKey.new()
    assert "d" in json.loads(key.jwk)
    (public,) = json.loads(key.jwks())["keys"]
    assert public.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
