from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from authz.adapters.envoy_config.endpoint import TcpEndpoint, UnixEndpoint
from authz.adapters.envoy_config.limits import CHECK_ENVELOPE
from authz.adapters.envoy_config.plan import JWT_NAMESPACE, TICKET_STATUS_PATH, ClientTls, JwtProvider
from authz.adapters.envoy_config.wait_plan import WaitPlan
from authz.bootstrap import envoy_plan
from authz.domain.client_view import status_path
from authz.domain.errors import SettingsInvalid
from authz.domain.token import ticket_id
from authz.settings_loader import load_settings
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
        ({"wait": WaitPlan(longest=60.0, waiters=0)}, "none could wait"),
        ({"wait": WaitPlan(longest=0.0, waiters=1)}, "not between 0 and 290 s"),
        ({"wait": WaitPlan(longest=290.0, waiters=1)}, "stream_idle_timeout of 300 s would come first"),
        ({"wait": WaitPlan(longest=200.0, waiters=1), "check_timeout": 100.0}, "not between 0 and 200 s"),
        ({"wait": WaitPlan(longest=60.0, waiters=1, prefixes=("deploy",))}, "'deploy' is not the beginning"),
        ({"wait": WaitPlan(longest=60.0, waiters=1, prefixes=("/a?b",))}, "without [?], # and spaces"),
        (
            {"wait": WaitPlan(longest=60.0, waiters=1, prefixes=("/a", "/a"))},
            "prefix for waiting is listed twice",
        ),
        ({"cors_origins": ("*",)}, "not one exact origin"),
        ({"cors_origins": ("null",)}, "not one exact origin"),
        ({"cors_origins": ("https://*.app.test",)}, "not one exact origin"),
        ({"cors_origins": ("https://app.test/",)}, "without a path"),
        ({"cors_origins": ("https://App.test",)}, "in lowercase"),
        ({"cors_origins": ("https://u@app.test",)}, "not one exact origin"),
        ({"cors_origins": ("https://app.test:443",)}, "write 'https://app.test' instead"),
        ({"cors_origins": ("https://a.test", "https://a.test")}, "origin is listed twice"),
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


def test_the_longest_wait_that_can_be_set_leaves_time_to_answer() -> None:
    settings = load_settings(
        {"HOLDGATE_MAX_WAIT": "4m", "HOLDGATE_WORKERS": "3", "HOLDGATE_MAX_WAITERS": "7"}
    )
    wait = envoy_plan(settings).wait
    assert wait == WaitPlan(longest=240.0, waiters=21)
    assert wait.status_timeout == 250.0


def test_a_server_that_lets_nobody_wait_needs_no_routes_for_it() -> None:
    settings = load_settings({"HOLDGATE_MAX_WAITERS": "0", "HOLDGATE_ENVOY_WAIT_PREFIXES": "/deploy/"})
    assert envoy_plan(settings).wait is None


def test_paths_and_origins_come_from_the_settings() -> None:
    origins = "https://app.test, http://[::1]:3000,https://xn--bcher-kva.test:8443"
    settings = {"HOLDGATE_ENVOY_WAIT_PREFIXES": "/deploy/,/keys", "HOLDGATE_ENVOY_CORS_ORIGINS": origins}
    made = envoy_plan(load_settings(settings))
    assert made.wait is not None
    assert made.wait.prefixes == ("/deploy/", "/keys")
    assert made.cors_origins == ("https://app.test", "http://[::1]:3000", "https://xn--bcher-kva.test:8443")


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
