"""A console that people sign in to with a provider, both in memory."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlsplit

import httpx

from authz.adapters.oidc.provider import OidcProvider
from authz.adapters.oidc.settings import OidcSettings
from authz.entrypoints.console.app import build_console
from authz.entrypoints.console.demo_guard import DemoGuard
from authz.entrypoints.console.form import FormLimits
from authz.entrypoints.console.oidc_sign_in import BACK, OidcParts, OidcSignIn
from authz.entrypoints.console.round_trip import RoundTripSeal
from authz.entrypoints.console.sessions import Sessions
from authz.entrypoints.console.sessions_in_memory import MemorySessions
from authz.entrypoints.console.site import Site
from authz.services.sessions import SessionLimits
from tests.support.oidc_provider import Provider
from tests.unit.console.world import GROUPS, ISSUER, PUBLIC_URL, World, identity

KEYS = [b"s" * 32]
GROUPS_MAX_AGE_S = 600.0


class OidcWorld(World):
    """A World whose people sign in with `provider`. Both clocks are the ticket store's."""

    def __init__(
        self,
        guard: DemoGuard,
        *,
        public_url: str = PUBLIC_URL,
        issuer: str = ISSUER,
        client: httpx.AsyncClient | None = None,
        oidc: dict[str, Any] | None = None,
        **more: Any,  # noqa: ANN401 - see World
    ) -> None:
        super().__init__(guard, **more)
        self.site = Site(public_url)  # the demo's own has to be loopback
        accounts = {name: {"sub": identity(name).id, "name": name.title()} for name in [*GROUPS, "eve"]}
        redirect_uri = public_url + BACK
        self.provider = Provider(issuer, redirect_uri, accounts, self.seconds)
        settings = OidcSettings(
            issuer=issuer,
            client_id=self.provider.client_id,
            redirect_uri=redirect_uri,
            client_secret=self.provider.client_secret,
        )
        settings = dataclasses.replace(settings, **(oidc or {}))
        self.oidc = OidcProvider(
            settings, client or self.provider_client(), monotonic=self.clock, wall=self.seconds
        )
        self.sessions = MemorySessions(SessionLimits(), self.clock)
        parts = OidcParts(
            self.oidc, Sessions(self.site, self.sessions), RoundTripSeal(KEYS), self.seconds, GROUPS_MAX_AGE_S
        )
        self.oidc_sign_in = OidcSignIn(self.site, parts)
        self.app = build_console(
            self.site,
            self.store,
            self.status,
            self.voting,
            self.reviewing,
            self.oidc_sign_in,
            form_limits=FormLimits(seconds=1.0),
        )

    def seconds(self) -> float:
        return self.memory.now / 1000

    def provider_client(self) -> httpx.AsyncClient:
        """Return a client that reaches the provider, with cookies of its own."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.provider.app))

    def person(self) -> Person:
        """Return somebody with a browser that neither the console nor the provider knows."""
        return Person(self)


class Person:
    """A browser, as two clients: what it has at the console, and what it has at the provider."""

    def __init__(self, world: OidcWorld) -> None:
        self.console = world.browser()
        self.provider = world.provider_client()

    async def sent_to(self, path: str = "/sign-in") -> str:
        """Begin to sign in, and return where the browser is sent."""
        answer = await self.console.get(path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def proven(self, name: str, url: str) -> str:
        """Say at the provider who one is, where it asks, and return where the browser is sent back to."""
        answer = await self.provider.get(url)
        if answer.status_code == 200:
            answer = await self.provider.post(url, data={"account": name})
        assert answer.status_code == 303, answer.text
        back = urlsplit(answer.headers["location"])
        return f"{back.path}?{back.query}"

    async def sign_in(self, name: str, path: str = "/sign-in") -> httpx.Response:
        """Go all the way, and return what the console answers at the end of it."""
        return await self.console.get(await self.proven(name, await self.sent_to(path)))
