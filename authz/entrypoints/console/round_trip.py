"""What a browser carries to the identity provider and back.

Sealed in a cookie, so that nobody who isn't signed in takes room here.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MINUTES = 10


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One way to the identity provider and back.

    `seed` is what its secrets are made of. `place` is the path to go to afterwards. Of a new proof of who somebody is
    for one high-risk ticket, `ticket` and `digest` say for which, and with what shown.
    """

    seed: str = field(repr=False)
    place: str
    began_s: int
    ticket: str = ""
    digest: str = ""

    @property
    def state(self) -> str:
        """Ties the answer to this browser (RFC 6749 section 10.12)."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Ties the ID token to this way, and to the ticket and what was shown of it (OpenID Connect Core 15.5.2)."""
        return self._derived("nonce", self.ticket, self.digest)

    @property
    def verifier(self) -> str:
        """Ties the code to this way (RFC 7636 section 4.1)."""
        return self._derived("verifier")

    @property
    def anew(self) -> bool:
        """Whether the provider is to ask for a proof now."""
        return bool(self.ticket)

    def _derived(self, *words: str) -> str:
        total = hmac.new(self.seed.encode(), digestmod=sha256)
        for word in words:
            data = word.encode()
            total.update(len(data).to_bytes(8, "big"))
            total.update(data)
        return urlsafe_b64encode(total.digest()).decode().rstrip("=")


def new_seed() -> str:
    """Return 256 random bits for one way."""
    return secrets.token_urlsafe(32)


class RoundTripSeal:
    """Seals with the first of the installation's keys and opens with all, for MINUTES."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Derive from secrets that every console has; at least one."""
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(_derive(key))) for key in keys])

    def seal(self, trip: RoundTrip) -> str:
        """Return the value of a cookie."""
        return self._fernet.encrypt_at_time(orjson.dumps(asdict(trip)), trip.began_s).decode()

    def open(self, sealed: str, now_s: int) -> RoundTrip | None:
        """Return what was sealed; None for what we didn't seal, or too long ago."""
        try:
            found = self._fernet.decrypt_at_time(sealed.encode(), MINUTES * 60, now_s)
        except InvalidToken:
            return None
        return RoundTrip(**orjson.loads(found))


def _derive(secret: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sign-in/v1").derive(secret)
