"""A certificate authority for one test, and what it signed, as PEM files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """Paths of a certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for names; `certificate` is the path of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        own = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        self.certificate = self._write("ca.pem", own.sign(self._key, hashes.SHA256()).public_bytes(_PEM))

    def issue(
        self,
        name: str,
        *uris: str,
        names: Sequence[str] | None = None,
        lasts: timedelta = _LIFETIME,
        starts: timedelta = -_LIFETIME,
    ) -> Pair:
        """Return a certificate for a DNS name (or other `names`) and URIs, in files that `name` names.

        It is valid from `starts` to `lasts` from now. The same name again is written over the earlier one.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternatives = [
            *(x509.DNSName(each) for each in ([name] if names is None else names)),
            *(x509.UniformResourceIdentifier(uri) for uri in uris),
        ]
        builder = self._builder(subject, key, lasts, starts).add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False
        )
        private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        signed = builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM)
        return Pair(self._write(f"{name}.pem", signed), self._write(f"{name}.key", private))

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        lasts: timedelta = _LIFETIME,
        starts: timedelta = -_LIFETIME,
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + starts)
            .not_valid_after(now + lasts)
        )

    def _write(self, name: str, data: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(data)
        return path


_PEM = serialization.Encoding.PEM
