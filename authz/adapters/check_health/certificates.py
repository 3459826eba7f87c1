"""Files of certificates, as far as their dates and names go."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from cryptography import x509

from authz.domain.envoy_identity import EnvoyIdentities
from authz.services.doctor.check_server import CertificateFacts

_FILE_MAX: Final = 1 << 20


def look_at_certificates(
    setting: str, path: str, identities: Collection[str] | None = None
) -> CertificateFacts:
    """Return what stands in a PEM file; `identities` are those that the check server lists, for a client's file."""
    try:
        with Path(path).open("rb") as file:
            pem = file.read(_FILE_MAX + 1)
    except OSError as error:
        return CertificateFacts(
            setting=setting, path=path, trouble=f"{path} can't be read: {error.strerror}."
        )
    try:
        found = x509.load_pem_x509_certificates(pem)
        uris, names = _names(found[0])
    except ValueError:
        return CertificateFacts(setting=setting, path=path, trouble=f"{path} holds no certificate in PEM.")
    listed = (
        None if identities is None else bool(identities) and EnvoyIdentities(identities).permits(uris, names)
    )
    return CertificateFacts(
        setting=setting,
        path=path,
        not_before=max(each.not_valid_before_utc for each in found),
        not_after=min(each.not_valid_after_utc for each in found),
        names=(*uris, *names),
        listed=listed,
    )


def _names(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """Return URI and DNS names."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    return (
        extension.get_values_for_type(x509.UniformResourceIdentifier),
        extension.get_values_for_type(x509.DNSName),
    )
