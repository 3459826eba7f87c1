"""Who is signed in to the console: what is kept of a sign-in, for how long, and by whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from authz.services.voting import SignedIn


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts: unused, and in all (seconds)."""

    idle: float = 30 * 60
    absolute: float = 8 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in. `key` signs the forms of this session and is shown to nobody."""

    signed_in: SignedIn
    key: bytes = field(repr=False)


class SessionStore(Protocol):
    """Keeps sessions by a name (32 bytes) that is a digest of what the browser has, and can't be used in its place.

    It ends them when they were not used for a while, and after their time in any case. What it can't do raises
    Unavailable.
    """

    async def start(self, name: bytes, session: Session) -> None:
        """Keep a session; the oldest may end for it where somebody, or everybody together, has too many."""
        ...

    async def find(self, name: bytes) -> Session | None:
        """Return the session of this name, unless it is over. That counts as use."""
        ...

    async def end(self, name: bytes) -> None:
        """Forget the session of this name, if there is one."""
        ...
