"""The keys that the vendor signs with, and the channels that each key may speak for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.util import urlsafe_b64decode

from authz.adapters.bot_framework.refusal import KeysUnavailable
from authz.adapters.oidc.fetch import fetch
from authz.domain.errors import ProviderUnavailable
from authz.domain.protected_url import is_protected

ISSUER: Final = "https://api.botframework.com"

KEPT_S: Final = 24 * 3600.0
"""The vendor's own rule: keys are asked for at least once a day."""

RENEWED_S: Final = 20 * 3600.0
"""From this age on they are read anew while the old ones still serve, so that nobody has to wait for it."""

KEYS_AGAIN_S: Final = 30.0
"""How soon keys are read again for one that isn't among them: a forged `kid` must not become a question each."""

FAILED_AGAIN_S: Final = 5.0
"""How soon they are asked for again when there are none: a flood during an outage must not become one of questions."""

KEYS_MAX: Final = 100
BITS_MIN: Final = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, and the ids of the channels that it is endorsed for."""

    key: RSAKey
    endorsements: frozenset[str]


class SigningKeys:
    """The vendor's keys by their ids, read when they are needed. Use it from one event loop."""

    def __init__(
        self, openid_url: str, client: httpx.AsyncClient, timeout_s: float, monotonic: Callable[[], float]
    ) -> None:
        """Ask nothing yet. Raises ValueError for an address that somebody in between could answer for."""
        if not is_protected(openid_url):
            msg = f"{openid_url!r}: the vendor's keys are read by https alone (or from this machine)"
            raise ValueError(msg)
        self._openid_url = openid_url
        self._client = client
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        # Of its own, so that whoever gives up waiting neither stops it nor makes the next one ask again.
        self._reading: asyncio.Task[None] | None = None
        self._keys: Mapping[str, SigningKey] = {}
        self._read_at = float("-inf")
        self._asked_at = float("-inf")
        self._failure = ""

    async def find(self, kid: str) -> SigningKey | None:
        """Return a key, None when the vendor has none by this id. Raises KeysUnavailable.

        Keys are at most a day old. For a key that isn't among them they are read again, at most every KEYS_AGAIN_S.
        """
        found = self._current().get(kid)
        if found is not None:
            if self._monotonic() - self._read_at >= RENEWED_S:
                self._begin()
            return found
        reading = self._begin()
        if reading is not None:
            await asyncio.shield(reading)
        if not self._current():
            raise KeysUnavailable(self._failure)
        return self._current().get(kid)

    async def aclose(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    def _begin(self) -> asyncio.Task[None] | None:
        """Return the reading that goes on, or a new one; None where one was a moment ago."""
        if self._reading is None or self._reading.done():
            pause_s = KEYS_AGAIN_S if self._current() else FAILED_AGAIN_S
            if self._monotonic() - self._asked_at < pause_s:
                return None
            self._reading = asyncio.create_task(self._read())
        return self._reading

    def _current(self) -> Mapping[str, SigningKey]:
        return self._keys if self._monotonic() - self._read_at < KEPT_S else {}

    async def _read(self) -> None:
        """Read the keys; where that fails, those that there are stay until they are too old."""
        try:
            keys = await self._usable_keys()
        except ProviderUnavailable as error:
            self._failure = f"the vendor's keys can't be read: {error}"
        else:
            self._keys = keys
            self._read_at = self._monotonic()
        self._asked_at = self._monotonic()

    async def _usable_keys(self) -> Mapping[str, SigningKey]:
        configuration = await self._document(self._openid_url)
        if configuration.get("issuer") != ISSUER:
            raise ProviderUnavailable(f"{self._openid_url}: is not about {ISSUER}")
        place = configuration.get("jwks_uri")
        if not isinstance(place, str) or not is_protected(place):
            raise ProviderUnavailable(f"{self._openid_url}: names no protected place for its keys")
        keys = _usable((await self._document(place)).get("keys"))
        if not keys:
            raise ProviderUnavailable(f"{place}: has no key that is of use")
        return keys

    async def _document(self, url: str) -> Mapping[str, object]:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        request = self._client.build_request("GET", url, headers=headers)
        answer = await fetch(self._client, request, self._timeout_s)
        if answer.status != httpx.codes.OK:
            raise ProviderUnavailable(f"{url}: answered {answer.status}")
        return answer.document


def _usable(found: object) -> Mapping[str, SigningKey]:
    """Return the RSA keys of a set by their ids (RFC 7517 section 5: what isn't understood is left out)."""
    entries = found[:KEYS_MAX] if isinstance(found, list) else []
    usable = {}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
            continue
        kid, modulus, exponent = entry.get("kid"), entry.get("n"), entry.get("e")
        endorsements = entry.get("endorsements", [])
        if not (isinstance(kid, str) and isinstance(modulus, str) and isinstance(exponent, str)):
            continue
        if not isinstance(endorsements, list) or not all(isinstance(each, str) for each in endorsements):
            continue
        try:
            if int.from_bytes(urlsafe_b64decode(modulus.encode()), "big").bit_length() < BITS_MIN:
                continue
            key = RSAKey.import_key({"kty": "RSA", "n": modulus, "e": exponent})
        except (JoseError, ValueError, TypeError):
            continue
        usable[kid] = SigningKey(key, frozenset(endorsements))
    return usable
