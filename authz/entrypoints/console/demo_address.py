"""One-time sign-in addresses of a demo, made wherever the run's key is known and burnt where they are used.

    secret = nonce "." base64url(HMAC-SHA256(key, "demo-address/v1" nonce))

So the process that prints the address, the demo's own walk and a later command can each make one, without
asking the console; and the console alone knows which were used.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256

from authz.domain.errors import SettingsInvalid

PATH = "/demo/sign-in"
KEY_MIN = 32
USED_MAX = 10_000

_SECRET = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})", re.ASCII)


def one_time_secret(key: str) -> str:
    """Return a fresh secret that signs in one browser, once. `key` is the run's own, KEY_MIN or longer."""
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_mac(key, nonce)}"


def one_time_address(public_url: str, key: str) -> str:
    """Return the address to open, with a fresh secret in it."""
    return f"{public_url.rstrip('/')}{PATH}?secret={one_time_secret(key)}"


class OneTimeSecrets:
    """Which secrets of one key are still good."""

    def __init__(self, key: str) -> None:
        """Raises SettingsInvalid when the key is short."""
        if len(key) < KEY_MIN:
            raise SettingsInvalid([f"the demo's sign-in key has {len(key)} characters; {KEY_MIN} are needed"])
        self._key = key
        self._used: set[str] = set()

    def good(self, secret: str) -> bool:
        """Say whether this secret is genuine and unused. Changes nothing."""
        match = _SECRET.fullmatch(secret)
        if match is None or not hmac.compare_digest(match.group(2), _mac(self._key, match.group(1))):
            return False
        return match.group(1) not in self._used and len(self._used) < USED_MAX

    def burn(self, secret: str) -> bool:
        """Use a secret up. Returns False, and changes nothing, when it isn't good."""
        if not self.good(secret):
            return False
        self._used.add(secret.partition(".")[0])
        return True


def _mac(key: str, nonce: str) -> str:
    digest = hmac.digest(key.encode(), f"demo-address/v1{nonce}".encode(), sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")
