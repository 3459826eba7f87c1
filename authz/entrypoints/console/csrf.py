"""Tokens that prove a form came from a page that we made for this very session."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256


def form_token(session_key: bytes, purpose: str, *bound: str) -> str:
    """Return HMAC-SHA256 over the length-prefixed purpose and bound values, as base64url without padding.

    For a vote the bound values are the ticket's id and the payload digest of what the page showed, so that a
    token of one ticket, of one session, or of another payload is good for nothing else.
    """
    total = hmac.new(session_key, digestmod=sha256)
    for text in (purpose, *bound):
        data = text.encode()
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return urlsafe_b64encode(total.digest()).decode().rstrip("=")


def is_form_token(presented: str, session_key: bytes, purpose: str, *bound: str) -> bool:
    """Say in constant time whether this is that token."""
    return hmac.compare_digest(presented.encode(), form_token(session_key, purpose, *bound).encode())
