"""Who may ask the check server: whoever may can claim any principal, so each Envoy is named.

Sources: RFC 5280 section 4.2.1.6 (subject alternative names), the SPIFFE-ID and X509-SVID specifications.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

_DNS: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_URI: Final = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]{1,2040}", re.ASCII)
# SPIFFE-ID section 2: no percent-encoding, no query, no empty segment.
_SPIFFE: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}((?:/[A-Za-z0-9._-]+)+)", re.ASCII)
_ANY_BELOW: Final = "/*"
_DOTS: Final = frozenset({".", ".."})


@dataclass(frozen=True, slots=True)
class EnvoyIdentity:
    """One entry of the allow-list: a URI, all SPIFFE IDs below a path, or a DNS name.

    `text` has no trailing `/*`; `below` says whether it had one.
    """

    text: str
    below: bool = False

    @property
    def is_uri(self) -> bool:
        """Whether it is compared with the certificate's URI; DNS names have no colon."""
        return ":" in self.text

    def matches_uri(self, uri: str) -> bool:
        """Whether a certificate with exactly this URI is meant."""
        if not self.below:
            return uri == self.text
        return uri.startswith(f"{self.text}/") and _is_spiffe_path(uri)


def parse_envoy_identity(text: str) -> EnvoyIdentity:
    """Read `spiffe://trust.domain/path`, `spiffe://trust.domain/path/*`, another URI, or a DNS name.

    A whole trust domain (`spiffe://trust.domain/*`) is refused: each of its workloads could claim any principal.
    Raises ValueError with a sentence for the operator.
    """
    if text.endswith(_ANY_BELOW):
        stem = text.removesuffix(_ANY_BELOW)
        if not _is_spiffe_path(stem):
            msg = (
                f"{text!r}: /* can only end a SPIFFE ID with a path of its own, as spiffe://trust.domain/edge/*; "
                "everybody it matches can claim any principal"
            )
            raise ValueError(msg)
        return EnvoyIdentity(stem, below=True)
    if "*" in text:
        msg = f"{text!r}: * has a meaning only as the last segment of a SPIFFE ID; name each Envoy"
        raise ValueError(msg)
    if text.startswith("spiffe:"):
        if not _is_spiffe_path(text):
            msg = (
                f"{text!r} is not a workload's SPIFFE ID (spiffe://trust.domain/path, lowercase trust domain)"
            )
            raise ValueError(msg)
    elif not _URI.fullmatch(text) and not _DNS.fullmatch(text.lower()):
        msg = f"{text!r} is neither a URI nor a DNS name"
        raise ValueError(msg)
    return EnvoyIdentity(text if ":" in text else text.lower())


class EnvoyIdentities:
    """The allow-list."""

    def __init__(self, entries: Collection[str]) -> None:
        """Raises ValueError for an entry that can't be read, and for an empty list, which would be a mistake."""
        found = [parse_envoy_identity(entry) for entry in entries]
        if not found:
            msg = "the list of Envoy identities is empty"
            raise ValueError(msg)
        self._names = frozenset(each.text for each in found if not each.is_uri)
        self._uris = tuple(each for each in found if each.is_uri)

    def permits(self, uris: Collection[str], names: Collection[str]) -> bool:
        """Say whether a verified certificate with these URI and DNS names belongs to a listed Envoy.

        Of several URIs none counts: a SPIFFE certificate has exactly one, and which one was meant is anybody's guess.
        """
        if len(uris) == 1 and any(each.matches_uri(uri) for uri in uris for each in self._uris):
            return True
        return any(name.lower() in self._names for name in names)


def _is_spiffe_path(text: str) -> bool:
    found = _SPIFFE.fullmatch(text)
    return found is not None and _DOTS.isdisjoint(found[1].split("/"))
