"""Whether a request is Slack's: `X-Slack-Signature`, HMAC-SHA256 over `v0:{timestamp}:{body}`, five minutes long."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from slack_sdk.signature import Clock, SignatureVerifier

_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE: Final = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


class SlackSignature:
    """Verifies with the SDK, which raises for what isn't a number or isn't ASCII: such requests are refused before."""

    def __init__(self, secret: str, wall: Callable[[], float]) -> None:
        """`wall` is the time (epoch seconds)."""
        self._verifier = SignatureVerifier(secret, _Wall(wall))

    def verifies(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Say whether Slack sent this body not more than five minutes ago."""
        if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
            return False
        try:
            return self._verifier.is_valid(body, timestamp, signature)
        except UnicodeDecodeError:
            return False


class _Wall(Clock):
    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall

    def now(self) -> float:
        return self._wall()
