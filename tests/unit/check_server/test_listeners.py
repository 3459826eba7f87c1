"""Where the settings let the check server listen, and what its worker processes get."""

from __future__ import annotations

import pytest

from authz.bootstrap import envoy_plan
from authz.domain.errors import SettingsInvalid
from authz.settings import Settings
from authz.settings_loader import load_settings

TLS = {
    "grpc_tls_cert": "/tls/cert.pem",
    "grpc_tls_key": "/tls/key.pem",
    "grpc_tls_client_ca": "/tls/ca.pem",
    "grpc_client_identities": "envoy.test",
}
ENVOY_TLS = {
    "envoy_check_tls_cert": "/tls/envoy.pem",
    "envoy_check_tls_key": "/tls/envoy.key",
    "envoy_check_tls_ca": "/tls/ca.pem",
    "envoy_check_tls_server_name": "check.test",
}


def settings(**given: str) -> Settings:
    return load_settings({f"HOLDGATE_{name.upper()}": value for name, value in given.items()})


def problems(**given: str) -> str:
    with pytest.raises(SettingsInvalid) as refused:
        settings(**given)
    return "\n".join(refused.value.problems)


@pytest.mark.parametrize("listen", ["127.0.0.1:9191", "[::1]:9191", "localhost:9191", "unix:/run/check.sock"])
def test_what_only_this_machine_reaches_needs_no_tls(listen: str) -> None:
    assert settings(grpc_listen=listen).check_listens == (listen,)


@pytest.mark.parametrize(
    "listen",
    [
        "0.0.0.0:9191",
        "[::]:9191",
        "10.0.0.7:9191",
        "[fe80::1]:9191",
        "127.0.0.2:9191",
        "[::ffff:127.0.0.1]:9191",
    ],
)
def test_what_others_may_reach_needs_mutual_tls_and_a_list(listen: str) -> None:
    assert "whoever reaches it can claim any principal" in problems(grpc_listen=listen)
    for left_out in TLS:
        given = {name: value for name, value in TLS.items() if name != left_out}
        assert "mutual TLS needs all" in problems(grpc_listen=listen, **given)
    assert settings(grpc_listen=listen, **TLS).grpc_listen == listen


@pytest.mark.parametrize("left_out", TLS)
def test_mutual_tls_by_half_is_refused_on_loopback_too(left_out: str) -> None:
    given = {name: value for name, value in TLS.items() if name != left_out}
    assert "mutual TLS needs all" in problems(**given)


@pytest.mark.parametrize(
    "listen", ["check.internal:9191", "10.0.0.7", "0.0.0.0:99999", "[::]", "unix:run", "1.2.3:1"]
)
def test_what_is_no_address_is_refused_even_with_mutual_tls(listen: str) -> None:
    assert "HOLDGATE_GRPC_LISTEN" in problems(grpc_listen=listen, **TLS)


@pytest.mark.parametrize("name", ["metrics_listen", "console_listen", "management_listen"])
def test_mutual_tls_on_the_check_listener_opens_no_other(name: str) -> None:
    assert "neither loopback" in problems(**{name: "0.0.0.0:9000"}, **TLS)


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:9191", ("127.0.0.1:9191", "127.0.0.1:9192", "127.0.0.1:9193")),
        ("[::1]:9191", ("[::1]:9191", "[::1]:9192", "[::1]:9193")),
        ("unix:/run/c.sock", ("unix:/run/c.sock", "unix:/run/c.sock.1", "unix:/run/c.sock.2")),
    ],
)
def test_each_worker_has_an_endpoint_of_its_own_and_envoy_knows_them_all(
    listen: str, expected: tuple[str, ...]
) -> None:
    chosen = settings(grpc_listen=listen, workers="3", max_concurrent_checks="10")
    assert chosen.check_listens == expected
    plan = envoy_plan(chosen)
    assert tuple(str(endpoint) for endpoint in plan.check) == expected
    assert plan.max_checks == 30


@pytest.mark.parametrize(
    "given",
    [
        {"grpc_listen": "127.0.0.1:0"},
        {"metrics_listen": "127.0.0.1:0"},
        {"grpc_listen": "127.0.0.1:65534"},
        {"metrics_listen": "127.0.0.1:9193"},
        {"console_listen": "127.0.0.1:9192"},
        {"management_listen": "[::1]:9465"},
        {"grpc_listen": f"unix:/{'a' * 101}"},
        {"grpc_listen": "unix:/run/holdgate", "metrics_listen": "unix:/run/holdgate.2"},
    ],
)
def test_addresses_of_workers_that_meet_or_do_not_exist_are_refused(given: dict[str, str]) -> None:
    assert "with 3 workers" in problems(workers="3", **given)
    settings(workers="1", **given)


def test_envoy_gets_the_names_of_its_own_files() -> None:
    plan = envoy_plan(settings(grpc_listen="10.0.0.7:9191", **TLS, **ENVOY_TLS))
    assert plan.check_tls is not None
    assert (plan.check_tls.certificate, plan.check_tls.private_key) == ("/tls/envoy.pem", "/tls/envoy.key")
    assert (plan.check_tls.trusted_ca, plan.check_tls.server_name) == ("/tls/ca.pem", "check.test")


@pytest.mark.parametrize("left_out", ENVOY_TLS)
def test_half_of_envoys_side_is_refused(left_out: str) -> None:
    given = {name: value for name, value in ENVOY_TLS.items() if name != left_out}
    with pytest.raises(SettingsInvalid, match=f"HOLDGATE_{left_out.upper()}"):
        envoy_plan(settings(**given))


def test_envoy_is_not_sent_in_plain_text_to_a_server_with_tls() -> None:
    with pytest.raises(SettingsInvalid, match="HOLDGATE_ENVOY_CHECK_TLS_CERT"):
        envoy_plan(settings(**TLS))


def test_an_address_that_nobody_can_connect_to_is_not_written_into_envoys_configuration() -> None:
    with pytest.raises(SettingsInvalid, match="HOLDGATE_CHECK_ENDPOINTS"):
        envoy_plan(settings(grpc_listen="0.0.0.0:9191", **TLS, **ENVOY_TLS))
    plan = envoy_plan(
        settings(grpc_listen="0.0.0.0:9191", check_endpoints="check.test:9191", **TLS, **ENVOY_TLS)
    )
    assert [str(endpoint) for endpoint in plan.check] == ["check.test:9191"]
