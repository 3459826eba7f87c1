from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from authz.adapters.envoy_config.endpoint import TcpEndpoint, UnixEndpoint
from authz.adapters.envoy_config.limits import CHECK_ENVELOPE
from authz.adapters.envoy_config.plan import JWT_NAMESPACE, TICKET_STATUS_PATH, ClientTls, JwtProvider
from authz.domain.client_view import status_path
from authz.domain.errors import SettingsInvalid
from authz.domain.token import ticket_id
from tests.unit.envoy_config.plans import PROVIDER, PUBLIC_KEY, plan

REMOTE = TcpEndpoint("10.0.0.1", 9191)
TLS = ClientTls(certificate="/c", private_key="/k", trusted_ca="/a", server_name="check.test")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"listen": TcpEndpoint("localhost", 1)}, "not on names"),
        ({"admin": TcpEndpoint("192.0.2.1", 1)}, "not loopback"),
        ({"check": ()}, "no endpoint"),
        ({"check": (TcpEndpoint("127.0.0.1", 1), TcpEndpoint("127.0.0.1", 1))}, "twice"),
        ({"check": (TcpEndpoint("localhost", 1), UnixEndpoint("/a"))}, "resolves names only"),
        ({"check": (REMOTE,)}, "mutual TLS"),
        ({"check_timeout": 0.0}, "check timeout"),
        ({"check_timeout": 300.0}, "check timeout"),
        ({"body_limit": -1}, "body limit"),
        ({"body_limit": 2**32}, "body limit"),
        ({"max_checks": 0}, "no request would ever pass"),
        ({"grpc_max_message": 65_536 + CHECK_ENVELOPE - 1}, "can't carry"),
        ({"metadata_namespaces": ("",)}, "namespace is empty"),
        ({"jwt": replace(PROVIDER, issuer="")}, "any issuer"),
        ({"jwt": replace(PROVIDER, audiences=())}, "audience"),
        ({"jwt": replace(PROVIDER, audiences=("a", ""))}, "audience"),
    ],
)
def test_a_plan_that_would_weaken_the_gate_is_refused_with_the_reason(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsInvalid, match=said) as refused:
        replace(plan(), **wrong)
    assert refused.value.problems


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        replace(plan(), check_timeout=0.0, body_limit=-1, check=())
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize(
    ("jwks", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no keys"),
        ('{"keys": []}', "no keys"),
        ('{"keys": [1]}', "not an object"),
        (json.dumps({"keys": [PUBLIC_KEY, {**PUBLIC_KEY, "d": "secret"}]}), "private"),
        (json.dumps({"keys": [{"kty": "oct", "k": "secret"}]}), "private"),
    ],
)
def test_a_key_set_that_is_broken_or_private_is_refused_without_being_shown(jwks: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said) as refused:
        replace(plan(), jwt=JwtProvider(issuer="i", audiences=("a",), jwks=jwks))
    assert "secret" not in str(refused.value)


def test_a_check_server_elsewhere_is_accepted_with_mutual_tls() -> None:
    assert replace(plan(), check=(REMOTE,), check_tls=TLS).check == (REMOTE,)


def test_the_namespace_of_verified_claims_is_passed_on_once() -> None:
    assert plan().claims_namespaces == ()
    both = replace(plan(), jwt=PROVIDER, metadata_namespaces=("mine", JWT_NAMESPACE))
    assert both.claims_namespaces == (JWT_NAMESPACE, "mine")


def test_the_exempt_path_is_where_holds_point_to() -> None:
    assert re.fullmatch(TICKET_STATUS_PATH, status_path(ticket_id(0xF, bytes(range(240, 256)))))
