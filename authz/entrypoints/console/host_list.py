"""Refuses other hosts: under a foreign name, a page of ours would be the foreigner's (DNS rebinding)."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from authz.domain.reserved_paths import TICKETS_PREFIX
from authz.entrypoints.console.site import Site


class HostList:
    """Lets through what names one of the site's hosts, exactly once.

    The ticket status is exempt: Envoy passes it on under whatever host the gated service has, and it needs a
    token, not a cookie.
    """

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 400 without one Host and 421 for a host that isn't ours (RFC 9110 §15.5.20)."""
        if scope["path"].startswith(TICKETS_PREFIX):
            await self._app(scope, receive, send)
            return
        named = Headers(scope=scope).getlist("host")
        if len(named) != 1:
            await PlainTextResponse("The request must name one host.\n", 400)(scope, receive, send)
        elif named[0].lower() not in self._site.hosts:
            text = "This address is not one of the review page's. Open the address in HOLDGATE_PUBLIC_URL.\n"
            await PlainTextResponse(text, 421)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
