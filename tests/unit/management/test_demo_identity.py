from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from hashlib import sha256

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from authz.domain.identity import Identity
from authz.entrypoints.management import demo_identity
from authz.entrypoints.management.authenticator import Unauthenticated
from authz.entrypoints.management.demo_identity import DemoAuthenticator
from tests.support.people import TokenMaker
from tests.support.sample_tickets import ISSUER


@pytest.fixture
def authenticator(tokens: TokenMaker) -> DemoAuthenticator:
    return DemoAuthenticator(tokens.key.public_key(), ISSUER)


async def _refused(authenticator: DemoAuthenticator, *metadata: tuple[str, str | bytes]) -> bool:
    try:
        await authenticator.authenticate(metadata)
    except Unauthenticated:
        return True
    return False


async def test_a_token_of_this_run_names_its_person(
    authenticator: DemoAuthenticator, tokens: TokenMaker
) -> None:
    issued = int(time.time())
    signed_in = await authenticator.authenticate(tokens.metadata("bob", iat=issued))
    assert signed_in.identity == Identity(ISSUER, "bob-1")
    assert signed_in.name == "bob"
    assert signed_in.method == "demo"
    assert signed_in.signed_in_at == issued * 1000


async def test_an_rsa_key_is_as_good(tokens: TokenMaker) -> None:
    key = rsa.generate_private_key(65537, 2048)
    token = jwt.encode(tokens.claims("bob"), key, "RS256")
    signed_in = await DemoAuthenticator(key.public_key(), ISSUER).authenticate(
        [("authorization", f"bearer {token}")]
    )
    assert signed_in.identity.id == "bob-1"


async def test_the_key_may_be_given_as_a_jwk(tokens: TokenMaker) -> None:
    public = {**ECAlgorithm.to_jwk(tokens.key.public_key(), as_dict=True), "alg": "ES256", "use": "sig"}
    authenticator = DemoAuthenticator.from_jwk(json.dumps(public), ISSUER)
    assert (await authenticator.authenticate(tokens.metadata("bob"))).name == "bob"


NOW = int(time.time())
WRONG: dict[str, dict[str, object]] = {
    "for the gate": {"aud": "holdgate-demo"},
    "for several": {"aud": ["holdgate-management", "holdgate-demo"]},
    "for nobody": {"aud": None},
    "of another issuer": {"iss": "https://other.example"},
    "of no issuer": {"iss": None},
    "expired": {"exp": NOW - 60},
    "without an end": {"exp": None},
    "from the future": {"iat": NOW + 3600, "exp": NOW + 3700},
    "without a beginning": {"iat": None},
    "not valid yet": {"nbf": NOW + 3600},
    "valid too long": {"exp": NOW + 3600},
    "begun too long ago": {"iat": NOW - 400},
    "of no possible time": {"iat": 1e300},
    "of a time in words": {"iat": "soon"},
    "of an empty subject": {"sub": ""},
    "of a long subject": {"sub": "s" * 513},
    "of a numeric subject": {"sub": 7},
    "of no subject": {"sub": None},
}


@pytest.mark.parametrize("different", WRONG.values(), ids=WRONG)
async def test_wrong_claims_prove_nobody(
    authenticator: DemoAuthenticator, tokens: TokenMaker, different: dict[str, object]
) -> None:
    claims = {key: value for key, value in {**tokens.claims("bob"), **different}.items() if value is not None}
    try:
        token = jwt.encode(claims, tokens.key, "ES256")
    except TypeError:  # this library won't sign such a subject; another would
        token = jwt.PyJWS().encode(json.dumps(claims).encode(), tokens.key, "ES256")
    assert await _refused(authenticator, ("authorization", f"Bearer {token}"))


@pytest.mark.parametrize("guard", ["audience", "issuer", "lifetime"])
async def test_each_of_these_refusals_is_the_guards_own(
    authenticator: DemoAuthenticator, tokens: TokenMaker, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    """Control: without the guard the token that it refuses is taken."""
    cases: dict[str, dict[str, object]] = {
        "audience": {"aud": "holdgate-demo"},
        "issuer": {"iss": "https://other.example"},
        "lifetime": {"exp": int(time.time()) + 3600},
    }
    metadata = tokens.metadata("bob", **cases[guard])
    assert await _refused(authenticator, *metadata)
    monkeypatch.setattr(
        demo_identity, "AUDIENCE", "holdgate-demo" if guard == "audience" else demo_identity.AUDIENCE
    )
    monkeypatch.setattr(demo_identity, "LIFETIME_MAX_S", 10**6)
    if guard == "issuer":
        authenticator = DemoAuthenticator(tokens.key.public_key(), "https://other.example")
    assert not await _refused(authenticator, *metadata)


async def test_another_key_proves_nobody(authenticator: DemoAuthenticator) -> None:
    assert await _refused(authenticator, *TokenMaker().metadata("bob"))


async def test_a_token_without_a_signature_proves_nobody(
    authenticator: DemoAuthenticator, tokens: TokenMaker
) -> None:
    unsigned = jwt.encode(tokens.claims("bob"), "", "none")
    assert await _refused(authenticator, ("authorization", f"Bearer {unsigned}"))
    header, payload, _ = tokens.token("bob").split(".")
    assert await _refused(authenticator, ("authorization", f"Bearer {header}.{payload}."))


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
async def test_the_public_key_is_no_shared_secret(
    authenticator: DemoAuthenticator, tokens: TokenMaker, encoding: Encoding
) -> None:
    """HS256 with the public key's bytes as the secret: the confusion of RFC 8725 §2.1."""
    secret = tokens.key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, tokens.claims("bob"))]
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = urlsafe_b64encode(hmac.digest(secret, signed, sha256)).rstrip(b"=")
    assert await _refused(authenticator, ("authorization", f"Bearer {(signed + b'.' + mac).decode()}"))


async def test_one_bearer_token_has_to_be_there(authenticator: DemoAuthenticator, tokens: TokenMaker) -> None:
    [good] = tokens.metadata("bob")
    assert not await _refused(authenticator, good)
    assert await _refused(authenticator)
    assert await _refused(authenticator, good, good)
    assert await _refused(authenticator, ("authorization", good[1].removeprefix("Bearer ")))
    assert await _refused(authenticator, ("authorization", "Basic Ym9iOmJvYg=="))
    assert await _refused(authenticator, ("authorization", good[1] + "x" * 5000))
    assert await _refused(authenticator, ("authorization", "Bearer é.é.é"))


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        rsa.generate_private_key(65537, 1024).public_key(),  # noqa: S505 - that is what is refused
    ],
    ids=["P-384", "RSA-1024"],
)
def test_another_kind_of_key_is_refused_at_the_start(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
) -> None:
    with pytest.raises(ValueError, match="verified with a P-256 key, or an RSA key from 2048 bits"):
        DemoAuthenticator(key, ISSUER)


@pytest.mark.parametrize("jwk", ["", "{}", '{"kty": "oct", "k": "c2VjcmV0"}', '{"kty": "EC"}'])
def test_what_is_no_public_jwk_is_refused_at_the_start(jwk: str) -> None:
    with pytest.raises(ValueError, match="the demo's key"):
        DemoAuthenticator.from_jwk(jwk, ISSUER)


def test_a_private_jwk_is_refused_at_the_start(tokens: TokenMaker) -> None:
    with pytest.raises(ValueError, match="must be a public one"):
        DemoAuthenticator.from_jwk(ECAlgorithm.to_jwk(tokens.key), ISSUER)
