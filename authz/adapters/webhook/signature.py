"""The headers of the Standard Webhooks specification, version v1: HMAC-SHA256 over id, timestamp and body."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Sequence


def signed(identifier: str, at_s: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Return webhook-id, webhook-timestamp and webhook-signature.

    There is one signature for each key, so that a receiver may know the old one or the new one while a secret is
    changed. `identifier` is without a full stop, which separates the signed parts; `at_s` is in epoch seconds.
    """
    content = f"{identifier}.{at_s}.".encode() + body
    signatures = (b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
