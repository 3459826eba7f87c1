"""Real handshakes: who reaches the check server, who gets an answer, and what a rotation changes."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from structlog.testing import capture_logs

from authz.adapters.telemetry.metrics import Metrics
from authz.domain.envoy_identity import EnvoyIdentities
from tests.e2e.envoy_config.certificates import Authority
from tests.unit.check_server.reflected import reflected_services
from tests.unit.check_server.serving import NAME, ask, connected, healthy, mutual, serving
from tests.unit.check_server.test_hygiene import REFLECTING

OK, DENIED, UNREACHABLE = (
    grpc.StatusCode.OK,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAVAILABLE,
)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    folder = tmp_path / "stranger"
    folder.mkdir()
    return Authority(folder)


@pytest.mark.parametrize(
    ("listed", "name", "uris"),
    [
        ("envoy.test", "envoy.test", ()),
        ("spiffe://prod.test/edge", "a.test", ("spiffe://prod.test/edge",)),
        ("spiffe://prod.test/edge/*", "a.test", ("spiffe://prod.test/edge/one",)),
    ],
)
async def test_a_listed_envoy_is_answered(
    listed: str, name: str, uris: tuple[str, ...], authority: Authority, metrics: Metrics
) -> None:
    tls = mutual(authority, authority.issue(NAME), metrics, listed)
    async with (
        serving(tls=tls) as (server, handler),
        connected(server.address, authority, authority.issue(name, *uris)) as channel,
    ):
        assert await ask(channel) is OK
        assert handler.checks == 1


class Everybody(EnvoyIdentities):
    """The list without its guard."""

    def permits(self, uris: object, names: object) -> bool:  # noqa: ARG002 - everybody is everybody
        return True


@pytest.mark.parametrize(
    ("name", "names", "uris"),
    [
        ("other.test", None, ()),
        ("app.test", None, ("spiffe://prod.test/app",)),
        ("two.test", None, ("spiffe://prod.test/edge", "spiffe://prod.test/app")),
        # The list's URI as a DNS name, and the common name that nobody asked the CA about.
        ("envoy.test", ["other.test"], ()),
    ],
)
@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control: no list"])
async def test_another_certificate_of_the_same_authority_gets_no_answer(
    name: str,
    names: list[str] | None,
    uris: tuple[str, ...],
    guarded: bool,
    authority: Authority,
    metrics: Metrics,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not guarded:
        monkeypatch.setattr(EnvoyIdentities, "permits", Everybody.permits)
    tls = mutual(authority, authority.issue(NAME), metrics, "envoy.test", "spiffe://prod.test/edge")
    pair = authority.issue(name, *uris, names=names)
    async with (
        serving(tls=tls, metrics=metrics) as (server, handler),
        connected(server.address, authority, pair) as channel,
    ):
        with capture_logs() as lines:
            statuses = [await ask(channel) for _ in range(20)]
        assert set(statuses) == {DENIED if guarded else OK}
        assert handler.checks == (0 if guarded else 20)
        told = [line for line in lines if line["event"] == "caller.unlisted"]
        assert 0 < len(told) < 5 if guarded else not told
        refused = metrics.registry.get_sample_value("holdgate_tls_unlisted_callers_total")
        assert refused == (20 if guarded else 0)


async def test_nobody_connects_without_a_certificate_of_the_authority(
    authority: Authority, stranger: Authority, metrics: Metrics
) -> None:
    tls = mutual(authority, authority.issue(NAME), metrics, "envoy.test")
    async with serving(tls=tls) as (server, handler):
        async with connected(server.address) as plain:
            assert await ask(plain) is UNREACHABLE
        async with connected(server.address, authority) as anonymous:
            assert await ask(anonymous) is UNREACHABLE
        async with connected(server.address, authority, stranger.issue("envoy.test")) as foreign:
            assert await ask(foreign) is UNREACHABLE
        assert handler.checks == 0


async def test_health_is_told_to_whoever_has_a_certificate_and_reflection_to_the_listed(
    authority: Authority, metrics: Metrics
) -> None:
    tls = mutual(authority, authority.issue(NAME), metrics, "envoy.test")
    async with serving(tls=tls, options=REFLECTING) as (server, _):
        async with connected(server.address, authority, authority.issue("probe.test")) as probe:
            assert await healthy(probe)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await reflected_services(probe)
            assert refused.value.code() is DENIED
        async with connected(server.address, authority, authority.issue("envoy.test")) as envoy:
            assert "envoy.service.auth.v3.Authorization" in await reflected_services(envoy)


async def test_a_rotated_certificate_is_shown_to_the_next_connection(
    authority: Authority, stranger: Authority, metrics: Metrics
) -> None:
    pair = authority.issue(NAME)
    envoy = authority.issue("envoy.test")
    tls = mutual(authority, pair, metrics, "envoy.test")
    async with serving(tls=tls) as (server, _), connected(server.address, authority, envoy) as old:
        assert await ask(old) is OK
        rotated = stranger.issue(NAME)
        pair.certificate.write_bytes(rotated.certificate.read_bytes())
        pair.key.write_bytes(rotated.key.read_bytes())
        async with connected(server.address, stranger, envoy) as new:
            assert await ask(new) is OK
        assert await ask(old) is OK, "an open connection goes on"
        async with connected(server.address, authority, envoy) as late:
            assert await ask(late) is UNREACHABLE, "the old certificate is not shown any more"


async def test_a_broken_certificate_changes_nothing_for_the_next_connection(
    authority: Authority, metrics: Metrics
) -> None:
    pair = authority.issue(NAME)
    tls = mutual(authority, pair, metrics, "envoy.test")
    async with serving(tls=tls) as (server, _):
        pair.key.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
        async with connected(server.address, authority, authority.issue("envoy.test")) as channel:
            assert await ask(channel) is OK
        assert metrics.registry.get_sample_value("holdgate_tls_reload_failing") == 1


async def test_an_authority_that_is_replaced_is_trusted_no_more(
    authority: Authority, stranger: Authority, metrics: Metrics
) -> None:
    pair, envoy = authority.issue(NAME), authority.issue("envoy.test")
    trusted = authority.certificate.read_bytes()
    tls = mutual(authority, pair, metrics, "envoy.test")
    async with serving(tls=tls) as (server, _):
        authority.certificate.write_bytes(stranger.certificate.read_bytes())
        tls.certificates.look()
        authority.certificate.with_name("trusted.pem").write_bytes(trusted)
        authority.certificate = authority.certificate.with_name("trusted.pem")
        async with connected(server.address, authority, envoy) as before:
            assert await ask(before) is UNREACHABLE
        async with connected(server.address, authority, stranger.issue("envoy.test")) as after:
            assert await ask(after) is OK
