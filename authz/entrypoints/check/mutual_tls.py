"""Mutual TLS on the check listener, as the settings describe it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from authz.adapters.telemetry.metrics import Metrics
from authz.domain.envoy_identity import EnvoyIdentities
from authz.domain.errors import SettingsInvalid
from authz.entrypoints.check.certificates import CertificateFiles, CertificateUnusable, ServerCertificates
from authz.settings import Settings


@dataclass(frozen=True, slots=True)
class MutualTls:
    """What the server shows, and which Envoys it answers."""

    certificates: ServerCertificates
    identities: EnvoyIdentities


def mutual_tls(settings: Settings, metrics: Metrics) -> MutualTls | None:
    """Read the certificates, if the settings name any. Raises SettingsInvalid when they can't be used."""
    if not settings.grpc_tls_cert:
        return None
    files = CertificateFiles(
        Path(settings.grpc_tls_cert), Path(settings.grpc_tls_key), Path(settings.grpc_tls_client_ca)
    )
    try:
        certificates = ServerCertificates(files, metrics)
    except CertificateUnusable as error:
        raise SettingsInvalid([f"HOLDGATE_GRPC_TLS_*: {error}"]) from error
    return MutualTls(certificates, EnvoyIdentities(settings.grpc_client_identities))
