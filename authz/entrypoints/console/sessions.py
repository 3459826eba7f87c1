"""The cookie that names a session."""

from __future__ import annotations

import secrets
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from authz.entrypoints.console.site import Site
from authz.services.sessions import Session, SessionStore
from authz.services.voting import SignedIn

COOKIE = "holdgate"


def cookie_name(site: Site, name: str) -> str:
    """Return what a cookie of ours is called at this site.

    `__Host-` makes browsers refuse it from a sibling domain, or without Secure (RFC 6265bis section 4.1.3.2).
    """
    return f"__Host-{name}" if site.secure else name


class Sessions:
    """Starts, finds and ends sessions.

    The store has only a digest of the cookie, and a cookie that we didn't make is never taken over, so nobody can
    prepare a session for somebody else.
    """

    def __init__(self, site: Site, store: SessionStore) -> None:
        """Keep the sessions in `store`."""
        self._store = store
        self._secure = site.secure
        self.cookie = cookie_name(site, COOKIE)

    async def start(self, request: Request, response: Response, signed_in: SignedIn) -> None:
        """Begin a session under a new name, ending the one that the request came with. Raises Unavailable."""
        value = secrets.token_urlsafe(32)
        await self._store.end(self._name(request))
        await self._store.start(_digest(value), Session(signed_in, secrets.token_bytes(32)))
        response.set_cookie(self.cookie, value, httponly=True, samesite="lax", secure=self._secure, path="/")

    async def find(self, request: Request) -> Session | None:
        """Return the session that the request's cookie names, unless it is over. Raises Unavailable."""
        if self.cookie not in request.cookies:
            return None
        return await self._store.find(self._name(request))

    async def end(self, request: Request, response: Response) -> None:
        """End the session that the request's cookie names, if any, and take the cookie back. Raises Unavailable."""
        await self._store.end(self._name(request))
        response.delete_cookie(self.cookie, httponly=True, samesite="lax", secure=self._secure, path="/")

    def _name(self, request: Request) -> bytes:
        return _digest(request.cookies.get(self.cookie, ""))


def _digest(cookie: str) -> bytes:
    return sha256(cookie.encode("utf-8", "surrogateescape")).digest()
