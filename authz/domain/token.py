"""The ticket token: proof that this installation issued a ticket id, and nothing more.

    token = "hg1." kid "." id "." base64url(HMAC-SHA256(HKDF-SHA256(key, info="ticket/v1"), kid "." id))

HKDF is RFC 5869, HMAC RFC 2104, base64url without padding RFC 4648 §5. What a ticket is good for is decided by
the fingerprint stored with it; a valid token alone lets nothing through, and a forged one costs no look-up.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PREFIX = "hg1"
ID_BITS = 128
MIN_KEY_BYTES = 32

_KID = re.compile(r"[a-z0-9]{1,16}", re.ASCII)
_ID = re.compile(r"([0-9a-f]{1,4})-[a-z2-7]{26}", re.ASCII)
_TOKEN = re.compile(r"hg1\.([a-z0-9]{1,16})\.([0-9a-f]{1,4}-[a-z2-7]{26})\.([A-Za-z0-9_-]{43})", re.ASCII)


def ticket_id(partition: int, entropy: bytes) -> str:
    """Return `PARTITION-RANDOM`: the partition in hex, a dash, 128 random bits in lowercase base32.

    Lowercase and without look-alike punctuation, so that a person can read it out. `entropy` is 16 bytes.
    """
    if len(entropy) * 8 != ID_BITS:
        msg = f"a ticket id needs {ID_BITS} random bits, got {len(entropy) * 8}"
        raise ValueError(msg)
    return f"{partition:x}-{b32encode(entropy).decode().rstrip('=').lower()}"


def is_ticket_id(text: str) -> bool:
    """Say whether `text` has the form of a ticket id."""
    return _ID.fullmatch(text) is not None


def partition_of(identifier: str) -> int:
    """Return the partition that a ticket id names. Raises ValueError when it isn't a ticket id."""
    match = _ID.fullmatch(identifier)
    if match is None:
        msg = f"{identifier!r} is not a ticket id"
        raise ValueError(msg)
    return int(match.group(1), 16)


def partition_of_requester(requester: str, partitions: int) -> int:
    """Return the partition (0 to `partitions` - 1) where all tickets of a requester are.

    All in one, so that what they have open can be counted and equal requests are found. `requester` is the text
    that quotas count by: an identity, or whatever stands for one.
    """
    digest = sha256(requester.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % partitions


def short_code(identifier: str) -> str:
    """Return the six characters that card and page both show, to compare by eye."""
    code = identifier.rpartition("-")[2][:6].upper()
    return f"{code[:3]}-{code[3:]}"


@dataclass(frozen=True, slots=True)
class TicketKey:
    """One signing key: its public name and its secret (at least 32 bytes), kept out of `repr`."""

    kid: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a name that would be ambiguous in a token, and a short secret."""
        if not _KID.fullmatch(self.kid):
            msg = f"key name {self.kid!r} must be 1 to 16 characters of a-z and 0-9"
            raise ValueError(msg)
        if len(self.secret) < MIN_KEY_BYTES:
            msg = f"key {self.kid!r} has {len(self.secret)} bytes; at least {MIN_KEY_BYTES} are needed"
            raise ValueError(msg)


class TokenMint:
    """Signs with the first key and verifies with all of them, so that keys can be rotated."""

    def __init__(self, keys: Sequence[TicketKey]) -> None:
        """Take at least one key. Raises ValueError on none, or on two of one name."""
        self._derived = {key.kid: _derive(key.secret) for key in keys}
        if not keys or len(self._derived) != len(keys):
            msg = "ticket keys: at least one is needed, each with a name of its own"
            raise ValueError(msg)
        self._signing = keys[0].kid

    def mint(self, identifier: str) -> str:
        """Return the token of a ticket id."""
        return f"{PREFIX}.{self._signing}.{identifier}.{self._mac(self._signing, identifier)}"

    def verify(self, token: str) -> str | None:
        """Return the ticket id if one of our keys signed this token, else None. Never raises on any text."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        kid, identifier, mac = match.groups()
        if kid not in self._derived:
            return None
        # The texts are compared, not the decoded bytes: base64url has several spellings of one value.
        return identifier if hmac.compare_digest(mac, self._mac(kid, identifier)) else None

    def _mac(self, kid: str, identifier: str) -> str:
        digest = hmac.digest(self._derived[kid], f"{kid}.{identifier}".encode(), sha256)
        return urlsafe_b64encode(digest).decode().rstrip("=")


def _derive(secret: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"ticket/v1").derive(secret)
