"""What is secret by its name, and our own tokens: the same for cards, pages and logs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_SECRET: Final = re.compile(
    r"passw(or)?d|passphrase|passcode|secret|token|api_?key|access_?key|private_?key|signing_?key|encryption_?key"
    r"|approval_ticket|credential|authorization|cookie|session|signature|assertion|connection_?string"
    r"|^(pwd|pass|auth|key|sig|otp|pin|cvv|cvc|ssn|jwt|bearer|sas)$"
)

TICKET_TOKEN: Final = re.compile(r"hg1\.[A-Za-z0-9]{1,16}\.[0-9a-z-]{20,40}\.[A-Za-z0-9_-]{20,}")
"""A ticket's token, wherever a client may have put it."""


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Say whether a value under this key, header or parameter name is likely a secret.

    Case, and the ways to join words (`apiKey`, `API-KEY`, `api.key`), make no difference.
    """
    return _SECRET.search(re.sub(r"[^a-z0-9]+", "_", name.lower())) is not None
