"""Who is signed in: sessions in memory, bounded in number and time, and the cookie that names one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from authz.entrypoints.console.site import Site
from authz.services.voting import SignedIn


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How many sessions there may be, and how long one lasts: unused, and in all (seconds)."""

    count: int = 1000
    idle: float = 30 * 60
    absolute: float = 8 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in. `key` signs the forms of this session and never leaves the process."""

    signed_in: SignedIn
    key: bytes = field(repr=False)
    started: float


class Sessions:
    """Starts, finds and ends sessions.

    Only a digest of the cookie is kept, and a cookie that we didn't make is never taken over, so nobody can
    prepare a session for somebody else.
    """

    def __init__(self, site: Site, limits: SessionLimits, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._limits = limits
        self._clock = clock
        self._secure = site.secure
        # __Host- makes browsers refuse the cookie from a sibling domain or without Secure (RFC 6265bis).
        self.cookie = "__Host-holdgate" if site.secure else "holdgate"
        self._sessions: dict[bytes, Session] = {}
        self._used: dict[bytes, float] = {}  # insertion order = least recently used first

    def start(self, request: Request, response: Response, signed_in: SignedIn) -> None:
        """Begin a session under a new name, ending the one that the request came with."""
        self._forget(_name(request.cookies.get(self.cookie, "")))
        now = self._clock()
        for name in [name for name in self._sessions if self._over(name, now)]:
            self._forget(name)
        while len(self._sessions) >= self._limits.count:
            self._forget(next(iter(self._used)))
        value = secrets.token_urlsafe(32)
        name = _name(value)
        self._sessions[name] = Session(signed_in, secrets.token_bytes(32), now)
        self._used[name] = now
        response.set_cookie(self.cookie, value, httponly=True, samesite="lax", secure=self._secure, path="/")

    def find(self, request: Request) -> Session | None:
        """Return the session that the request's cookie names, unless it is over."""
        name = _name(request.cookies.get(self.cookie, ""))
        session = self._sessions.get(name)
        if session is None:
            return None
        now = self._clock()
        if self._over(name, now):
            self._forget(name)
            return None
        del self._used[name]
        self._used[name] = now
        return session

    def end(self, request: Request, response: Response) -> None:
        """End the session that the request's cookie names, if any, and take the cookie back."""
        self._forget(_name(request.cookies.get(self.cookie, "")))
        response.delete_cookie(self.cookie, httponly=True, samesite="lax", secure=self._secure, path="/")

    def _over(self, name: bytes, now: float) -> bool:
        started, used = self._sessions[name].started, self._used[name]
        return now - started >= self._limits.absolute or now - used >= self._limits.idle

    def _forget(self, name: bytes) -> None:
        self._sessions.pop(name, None)
        self._used.pop(name, None)


def _name(cookie: str) -> bytes:
    return sha256(cookie.encode("utf-8", "surrogateescape")).digest()
