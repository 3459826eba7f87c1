"""Who is calling: a port, because real sign-in and the demo's are different things."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Protocol

from grpc import StatusCode

from authz.entrypoints.management.refusal import CallRefused
from authz.services.voting import SignedIn

CALLER: ContextVar[SignedIn] = ContextVar("CALLER")


class Unauthenticated(CallRefused):
    """The metadata prove nobody's identity. All causes look alike from outside."""

    def __init__(self) -> None:
        super().__init__(
            StatusCode.UNAUTHENTICATED,
            "unauthenticated",
            "This call needs a valid bearer token in the metadata authorization.",
        )


class Authenticator(Protocol):
    """Proves a caller's identity from a call's metadata."""

    async def authenticate(self, metadata: Sequence[tuple[str, str | bytes]]) -> SignedIn:
        """Return who is calling. Raises Unauthenticated, or Unavailable when that can't be told now."""
        ...
