"""The check server's certificate, its key, and the CAs of its callers: read from files, and again when they change."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from authz.adapters.telemetry.metrics import Metrics

_FILE_MAX: Final = 1 << 20
_LOOK_SECONDS: Final = 10.0

log = structlog.get_logger("holdgate.tls")


class CertificateUnusable(Exception):
    """A file can't be read, or what stands in the files doesn't fit together; the message names the file."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Paths of PEM files: the server's certificate with its chain, its key, and the CAs of client certificates."""

    certificate: Path
    key: Path
    client_ca: Path

    def read(self) -> tuple[bytes, bytes, bytes]:
        """Return what stands in them. Raises CertificateUnusable."""
        return _read(self.certificate), _read(self.key), _read(self.client_ca)


class ServerCertificates:
    """What the listener shows and trusts now. A change that can't be used leaves everything as it was, and says so."""

    def __init__(
        self,
        files: CertificateFiles,
        metrics: Metrics,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Read the files. Raises CertificateUnusable."""
        self._files = files
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()  # gRPC asks on threads of its own
        self._used = self._files.read()
        self._complaint = ""
        self._shown = self._used
        self._judge(self._used)

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that insist on a client's certificate, and look at the files at each handshake."""
        # The stubs don't know that None means no change.
        newer: Any = self._newer
        return grpc.dynamic_ssl_server_credentials(
            _configuration(self._used), newer, require_client_authentication=True
        )

    def look(self) -> None:
        """Take over what changed in the files, if it can be used."""
        with self._lock:
            try:
                found = self._files.read()
                if found == self._used:
                    self._good()
                    return
                self._judge(found)
            except CertificateUnusable as error:
                self._broken(str(error))
                return
            self._used = found
            self._good()
            self._metrics.tls_reloads.labels("taken").inc()
            log.info("tls.reloaded", certificate=str(self._files.certificate))

    async def watch(self) -> None:
        """Look every few seconds, so that a broken file is known before the next connection needs it."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.to_thread(self.look)

    def _newer(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what the coming handshake has to use instead of what the last one used, or None."""
        self.look()
        with self._lock:
            if self._shown == self._used:
                return None
            self._shown = self._used
            return _configuration(self._used)

    def _good(self) -> None:
        self._complaint = ""
        self._metrics.tls_reload_failing.set(0)

    def _broken(self, complaint: str) -> None:
        self._metrics.tls_reload_failing.set(1)
        if complaint != self._complaint:  # once, not at every handshake
            self._complaint = complaint
            self._metrics.tls_reloads.labels("refused").inc()
            log.error("tls.kept_old", problem=complaint, advice="mend the file; it is read again by itself")

    def _judge(self, found: tuple[bytes, bytes, bytes]) -> None:
        """Raise CertificateUnusable for what no handshake could succeed with; else note when it ends."""
        certificate, key, client_ca = found
        chain = _certificates(certificate, self._files.certificate)
        trusted = _certificates(client_ca, self._files.client_ca)
        if _private_key(key, self._files.key) != _public(chain[0].public_key()):
            raise CertificateUnusable(
                f"{self._files.key} is not the key of the certificate in {self._files.certificate}"
            )
        now = self._clock()
        if now < chain[0].not_valid_before_utc:
            raise CertificateUnusable(
                f"{self._files.certificate} is valid from {chain[0].not_valid_before_utc} on"
            )
        if now > chain[0].not_valid_after_utc:
            raise CertificateUnusable(f"{self._files.certificate} expired at {chain[0].not_valid_after_utc}")
        for use, certificates in (("server", chain), ("client_ca", trusted)):
            first = min(each.not_valid_after_utc for each in certificates)
            self._metrics.tls_expiry.labels(use).set(first.timestamp())


def _configuration(found: tuple[bytes, bytes, bytes]) -> grpc.ServerCertificateConfiguration:
    certificate, key, client_ca = found
    return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=client_ca)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(_FILE_MAX + 1)
    except OSError as error:
        raise CertificateUnusable(f"{path} can't be read: {error.strerror}") from error
    if len(found) > _FILE_MAX:
        raise CertificateUnusable(f"{path} is longer than {_FILE_MAX} bytes")
    return found


def _certificates(pem: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateUnusable(f"{path} holds no certificate in PEM") from error


def _private_key(pem: bytes, path: Path) -> bytes:
    """Return the public half, never a word of the file."""
    try:
        return _public(serialization.load_pem_private_key(pem, password=None).public_key())
    except (ValueError, TypeError) as error:
        raise CertificateUnusable(f"{path} holds no private key in PEM without a password") from error


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
