"""Tokens that Envoy verifies before it asks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from authz.adapters.envoy_config.plan import JWT_NAMESPACE, JWT_PAYLOAD_KEY, JwtProvider
from authz.wire import ext_authz_pb2 as wire
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.stack import Document, Gate, Stack, http_filter

ISSUER = "https://issuer.test"
AUDIENCE = "gate"


class Issuer:
    """Signs tokens; `jwks` is its public half."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        self.jwks = json.dumps({"keys": [{**public, "kid": "1", "alg": "ES256", "use": "sig"}]}, indent=2)

    def token(self, **claims: object) -> str:
        now = int(time.time())
        whole: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "alice",
            "iat": now,
            "exp": now + 600,
            **claims,
        }
        kept = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(kept, self.key, algorithm="ES256", headers={"kid": "1"})


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


def provider(issuer: Issuer) -> JwtProvider:
    return JwtProvider(issuer=ISSUER, audiences=("other", AUDIENCE), jwks=issuer.jwks)


@pytest.fixture(scope="module")
def verifying_gate(shared_stack: Stack, issuer: Issuer) -> Iterator[Gate]:
    with shared_stack.gate(jwt=provider(issuer), metadata_namespaces=("other",)) as gate:
        yield gate


@pytest.fixture
def verifying(stack: Stack, verifying_gate: Gate) -> Gate:
    assert not stack.upstream.received
    return verifying_gate


def bearer(token: str) -> tuple[str, bytes]:
    return ("authorization", f"Bearer {token}".encode())


def claims(stack: Stack) -> dict[str, Any]:
    """Return the verified claims of the only Check, empty where there are none."""
    (check,) = stack.check.checks
    return claims_of(check)


def claims_of(check: wire.CheckRequest) -> dict[str, Any]:
    metadata = check.attributes.metadata_context.filter_metadata
    if JWT_NAMESPACE not in metadata:
        return {}
    found: dict[str, Any] = dict(metadata[JWT_NAMESPACE].fields[JWT_PAYLOAD_KEY].struct_value)
    return found


def test_the_claims_of_a_verified_token_reach_the_check_server_and_the_token_the_upstream(
    issuer: Issuer, stack: Stack, verifying: Gate
) -> None:
    token = issuer.token()
    assert http1.send(verifying.port, "/", bearer(token)).status == 200
    assert (claims(stack)["iss"], claims(stack)["sub"]) == (ISSUER, "alice")
    assert stack.upstream.received[0].values("authorization") == [f"Bearer {token}".encode()]


def test_a_request_without_a_token_is_checked_without_claims(stack: Stack, verifying: Gate) -> None:
    assert http1.send(verifying.port).status == 200
    assert claims(stack) == {}


def test_a_scheme_that_isnt_bearer_or_an_empty_token_is_the_upstreams_business(
    stack: Stack, verifying: Gate
) -> None:
    assert http1.send(verifying.port, "/", ("authorization", b"Basic YTpi")).status == 200
    assert http1.send(verifying.port, "/", bearer("")).status == 200
    assert [claims_of(check) for check in stack.check.checks] == [{}, {}]


@pytest.mark.parametrize(
    "flaw",
    [
        {"iss": "https://other.test"},
        {"aud": "elsewhere"},
        {"aud": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"nbf": 9_000_000_000},
    ],
    ids=["issuer", "audience", "no audience", "expired", "endless", "not yet"],
)
def test_a_token_with_a_flaw_is_refused_unasked(
    flaw: dict[str, object], issuer: Issuer, stack: Stack, verifying: Gate
) -> None:
    assert http1.send(verifying.port, "/", bearer(issuer.token(**flaw))).status in {401, 403}
    assert not stack.check.checks


def test_a_token_of_another_key_or_of_none_is_refused_unasked(
    issuer: Issuer, stack: Stack, verifying: Gate
) -> None:
    stranger = Issuer()
    unsigned = jwt.encode(
        jwt.decode(issuer.token(), options={"verify_signature": False}), "", algorithm="none"
    )
    for token in (stranger.token(), unsigned, "rubbish"):
        assert http1.send(verifying.port, "/", bearer(token)).status == 401
    assert not stack.check.checks


def test_control_without_require_expiration_an_endless_token_is_a_principal(
    issuer: Issuer, stack: Stack
) -> None:
    def endless(document: Document) -> None:
        del http_filter(document, JWT_NAMESPACE)["providers"]["principal"]["require_expiration"]

    with stack.gate(endless, jwt=provider(issuer)) as gate:
        assert http1.send(gate.port, "/", bearer(issuer.token(exp=None))).status == 200
    assert claims(stack)["sub"] == "alice"


def test_a_token_in_the_query_makes_no_principal(issuer: Issuer, stack: Stack, verifying: Gate) -> None:
    http1.send(verifying.port, f"/?access_token={issuer.token()}")
    assert claims(stack) == {}


def test_control_without_from_headers_a_token_in_the_query_is_a_principal(
    issuer: Issuer, stack: Stack
) -> None:
    def anywhere(document: Document) -> None:
        del http_filter(document, JWT_NAMESPACE)["providers"]["principal"]["from_headers"]

    with stack.gate(anywhere, jwt=provider(issuer)) as gate:
        http1.send(gate.port, f"/?access_token={issuer.token()}")
    assert claims(stack)["sub"] == "alice"


def test_two_tokens_are_refused_unasked(issuer: Issuer, stack: Stack, verifying: Gate) -> None:
    alice, bob = issuer.token(), issuer.token(sub="bob")
    assert http1.send(verifying.port, "/", bearer(alice), bearer(bob)).status == 401
    assert http1.send(verifying.port, "/", bearer(f"{alice},Bearer {bob}")).status == 401
    assert not stack.check.checks


@pytest.mark.parametrize("jwt_given", [True, False])
def test_only_the_named_namespaces_are_asked_for(jwt_given: bool, issuer: Issuer, stack: Stack) -> None:
    with stack.gate(jwt=provider(issuer) if jwt_given else None) as gate:
        http1.send(gate.port, "/", bearer(issuer.token()))
    assert bool(claims(stack)) is jwt_given
