"""Certificates that change on disk: a good one is taken, a bad one leaves everything as it was and says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from authz.adapters.telemetry.metrics import Metrics
from authz.entrypoints.check.certificates import CertificateUnusable, ServerCertificates
from tests.e2e.envoy_config.certificates import Authority, Pair
from tests.unit.check_server.serving import files

Spoil = Callable[[Authority, Pair], object]


def another_key(authority: Authority, pair: Pair) -> None:
    certificate = pair.certificate.read_bytes()
    authority.issue("check.test")
    pair.certificate.write_bytes(certificate)


def expired(authority: Authority, _pair: Pair) -> None:
    authority.issue("check.test", lasts=timedelta(minutes=-1))


def not_yet_valid(authority: Authority, _pair: Pair) -> None:
    authority.issue("check.test", starts=timedelta(minutes=30))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


SPOILT: dict[str, tuple[Spoil, str]] = {
    "no certificate": (lambda _, pair: pair.certificate.unlink(), "check.test.pem can't be read"),
    "a cut certificate": (lambda _, pair: cut(pair.certificate), "check.test.pem holds no certificate"),
    "an empty certificate": (
        lambda _, pair: pair.certificate.write_bytes(b""),
        "check.test.pem holds no certificate",
    ),
    "a cut key": (lambda _, pair: cut(pair.key), "check.test.key holds no private key"),
    "another certificate's key": (another_key, "check.test.key is not the key of the certificate"),
    "an expired one": (expired, "expired at"),
    "one of tomorrow": (not_yet_valid, "is valid from"),
    "no CA": (lambda authority, _: authority.certificate.write_bytes(b"-"), "ca.pem holds no certificate"),
    "endless": (
        lambda _, pair: pair.certificate.write_bytes(pair.certificate.read_bytes() * 4000),
        "longer than",
    ),
}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(("spoil", "complaint"), SPOILT.values(), ids=SPOILT)
def test_a_server_does_not_start_with(
    spoil: Spoil, complaint: str, authority: Authority, metrics: Metrics
) -> None:
    pair = authority.issue("check.test")
    spoil(authority, pair)
    with pytest.raises(CertificateUnusable, match=complaint) as refused:
        ServerCertificates(files(authority, pair), metrics)
    assert "PRIVATE KEY" not in str(refused.value)


@pytest.mark.parametrize(("spoil", "complaint"), SPOILT.values(), ids=SPOILT)
def test_a_running_server_keeps_what_it_has_and_says_so_once(
    spoil: Spoil, complaint: str, authority: Authority, metrics: Metrics
) -> None:
    pair = authority.issue("check.test")
    certificates = ServerCertificates(files(authority, pair), metrics)
    before = certificates._used
    good = [path.read_bytes() for path in (pair.certificate, pair.key, authority.certificate)]
    spoil(authority, pair)
    with capture_logs() as lines:
        certificates.look()
        certificates.look()
        assert certificates._newer() is None
    assert certificates._used == before
    assert [(line["event"], line["log_level"]) for line in lines] == [("tls.kept_old", "error")]
    assert complaint in lines[0]["problem"]
    assert value(metrics, "holdgate_tls_reload_failing") == 1
    assert value(metrics, "holdgate_tls_reloads_total", result="refused") == 1

    for path, content in zip((pair.certificate, pair.key, authority.certificate), good, strict=True):
        path.write_bytes(content)
    certificates.look()
    assert value(metrics, "holdgate_tls_reload_failing") == 0


def test_a_new_certificate_is_taken_and_its_end_is_told(authority: Authority, metrics: Metrics) -> None:
    pair = authority.issue("check.test")
    certificates = ServerCertificates(files(authority, pair), metrics)
    first = value(metrics, "holdgate_tls_expiry_timestamp_seconds", use="server")
    assert first > 0
    authority.issue("check.test", lasts=timedelta(minutes=30))
    with capture_logs() as lines:
        certificates.look()
    assert [line["event"] for line in lines] == ["tls.reloaded"]
    assert value(metrics, "holdgate_tls_expiry_timestamp_seconds", use="server") == pytest.approx(
        first - 1800, abs=60
    )
    assert value(metrics, "holdgate_tls_reloads_total", result="taken") == 1
    assert certificates._newer() is not None
    assert certificates._newer() is None


def test_files_that_are_replaced_one_after_the_other_end_well(authority: Authority, metrics: Metrics) -> None:
    pair = authority.issue("check.test")
    certificates = ServerCertificates(files(authority, pair), metrics)
    old_key = pair.key.read_bytes()
    authority.issue("check.test")
    new_key = pair.key.read_bytes()
    pair.key.write_bytes(old_key)
    assert certificates._newer() is None
    pair.key.write_bytes(new_key)
    assert certificates._newer() is not None
