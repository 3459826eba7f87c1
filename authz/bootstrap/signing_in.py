"""What people sign in with."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from authz.adapters.oidc.fetch import provider_client
from authz.adapters.oidc.provider import OidcProvider
from authz.adapters.oidc.settings import OidcSettings
from authz.adapters.redis.session_store import RedisSessionStore
from authz.bootstrap.outside import Outside
from authz.services.sessions import SessionLimits, SessionStore
from authz.settings import Settings

_MS = 1000


@asynccontextmanager
async def open_provider(settings: Settings, redirect_path: str) -> AsyncIterator[OidcProvider | None]:
    """Open connections to the identity provider, None where the settings name none; nothing is asked of it yet.

    `redirect_path` is where it sends people back to.
    """
    if not settings.oidc_issuer:
        yield None
        return
    oidc = OidcSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        redirect_uri=settings.public_url.rstrip("/") + redirect_path,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        scopes=settings.oidc_scopes,
        name_claim=settings.oidc_name_claim,
        groups_claim=settings.oidc_groups_claim,
        timeout_s=settings.oidc_timeout / _MS,
    )
    async with provider_client(oidc.timeout_s) as client:
        yield OidcProvider(oidc, client, monotonic=time.monotonic, wall=time.time)


def session_store(settings: Settings, outside: Outside) -> SessionStore:
    """Return where sessions are kept, for all consoles."""
    limits = SessionLimits(settings.session_idle / _MS, settings.session_lifetime / _MS)
    return RedisSessionStore(outside.store, limits)
