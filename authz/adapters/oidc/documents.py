"""The provider's metadata and keys, read when they are needed and kept for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from authz.adapters.oidc.fetch import fetch
from authz.adapters.oidc.metadata import Metadata, parse_metadata
from authz.adapters.oidc.settings import OidcSettings
from authz.domain.errors import ProviderUnavailable

KEPT_S = 3600.0
KEYS_AGAIN_S = 30.0
"""How soon keys are read again for one that isn't among them: a forged `kid` must not become a question each."""


class Documents:
    """One provider's documents. Use it from one event loop."""

    def __init__(
        self, settings: OidcSettings, client: httpx.AsyncClient, monotonic: Callable[[], float]
    ) -> None:
        """Ask nothing yet. `monotonic` gives seconds that never go back."""
        self._settings = settings
        self._client = client
        self._monotonic = monotonic
        self._lock = asyncio.Lock()  # whoever comes while one asks waits for that answer
        self._metadata: tuple[Metadata, float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    async def metadata(self) -> Metadata:
        """Return the metadata, at most an hour old. Raises ProviderUnavailable."""
        async with self._lock:
            return await self._current_metadata()

    async def keys(self, *, again: bool = False) -> KeySet:
        """Return the keys that sign ID tokens, at most an hour old. Raises ProviderUnavailable.

        `again` asks for newer ones than were just returned, and gets the same where those are quite new.
        """
        async with self._lock:
            kept_s = KEYS_AGAIN_S if again else KEPT_S
            if self._keys is not None and self._monotonic() - self._keys[1] < kept_s:
                return self._keys[0]
            metadata = await self._current_metadata()
            document = await self._document(metadata.jwks_uri)
            found = document.get("keys")
            if not isinstance(found, list):
                raise ProviderUnavailable(f"{metadata.jwks_uri}: not a set of keys (RFC 7517 section 5)")
            for_signing = [key for key in found if isinstance(key, dict) and key.get("use", "sig") == "sig"]
            try:
                keys = KeySet.import_key_set({"keys": for_signing})
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise ProviderUnavailable(
                    f"{metadata.jwks_uri}: a key can't be read: {type(error).__name__}"
                ) from error
            self._keys = (keys, self._monotonic())
            return keys

    async def _current_metadata(self) -> Metadata:
        if self._metadata is None or self._monotonic() - self._metadata[1] >= KEPT_S:
            issuer = self._settings.issuer
            # Section 4.1: a slash at the end of the issuer is left out here, though it is part of its name.
            document = await self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            self._metadata = (parse_metadata(document, issuer), self._monotonic())
        return self._metadata[0]

    async def _document(self, url: str) -> dict[str, object]:
        answer = await fetch(self._client, self._client.build_request("GET", url), self._settings.timeout_s)
        if answer.status != httpx.codes.OK:
            raise ProviderUnavailable(f"{url}: answered {answer.status}")
        return dict(answer.document)
