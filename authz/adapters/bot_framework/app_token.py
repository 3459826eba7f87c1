"""The bot's own token, with which it speaks to the connector."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import httpx

from authz.adapters.bot_framework.settings import BotSettings
from authz.adapters.oidc.fetch import Answer, fetch
from authz.domain.errors import ProviderUnavailable
from authz.domain.protected_url import is_protected
from authz.services.ports import DeliveryDelayed, DeliveryRefused

SCOPE: Final = "https://api.botframework.com/.default"

MARGIN_S: Final = 300.0
"""How long before its end a token is renewed; half of its life where that is shorter."""

FAILED_AGAIN_S: Final = 5.0
"""How soon the service is asked again after it gave none: many deliveries wait for one token."""

_LIFE_UNKNOWN_S: Final = 300.0
_LIFE_MAX_S: Final = 24 * 3600.0
_ERROR: Final = re.compile(r"[a-z_]{1,64}", re.ASCII)
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}", re.ASCII)


class AppToken:
    """A token by client credentials (RFC 6749 section 4.4), kept until shortly before its end. One event loop's."""

    def __init__(
        self, settings: BotSettings, client: httpx.AsyncClient, monotonic: Callable[[], float]
    ) -> None:
        """Ask nothing yet. Raises ValueError for a login_url that somebody in between could read the secret at."""
        if not is_protected(settings.login_url):
            msg = f"{settings.login_url!r}: the bot's secret goes to https alone (or stays on this machine)"
            raise ValueError(msg)
        self._settings = settings
        self._url = f"{settings.login_url.rstrip('/')}/{quote(settings.tenant_id, safe='')}/oauth2/v2.0/token"
        self._client = client
        self._monotonic = monotonic
        self._lock = asyncio.Lock()  # whoever comes while one asks waits for that answer
        self._token = ""
        self._until = float("-inf")
        self._failure: tuple[Callable[[str], Exception], str, float] | None = None

    async def current(self) -> str:
        """Return a token. Raises DeliveryDelayed, and DeliveryRefused where the service doesn't know this bot."""
        async with self._lock:
            if self._token and self._monotonic() < self._until:
                return self._token
            if self._failure is not None and self._monotonic() - self._failure[2] < FAILED_AGAIN_S:
                raise self._failure[0](self._failure[1])
            try:
                self._token, life_s = await self._fetched()
            except (DeliveryDelayed, DeliveryRefused) as error:
                self._failure = (type(error), str(error), self._monotonic())
                raise
            self._failure = None
            self._until = self._monotonic() + life_s - min(MARGIN_S, life_s / 2)
            return self._token

    def refused(self, token: str) -> None:
        """Keep a token no longer that the connector didn't take. A newer one stays."""
        if token == self._token:
            self._token = ""

    async def _fetched(self) -> tuple[str, float]:
        """Return a new token, and the seconds that it is good for."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.app_id,
            "client_secret": self._settings.app_secret,
            "scope": SCOPE,
        }
        # Nothing compressed, so that what is read is what was counted.
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        request = self._client.build_request("POST", self._url, data=form, headers=headers)
        try:
            answer = await fetch(self._client, request, self._settings.timeout_s)
        except ProviderUnavailable as error:
            raise DeliveryDelayed(f"no token for the bot: {error}") from error
        if answer.status != httpx.codes.OK:
            raise _failure(answer)
        token, life = answer.document.get("access_token"), answer.document.get("expires_in")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise DeliveryDelayed("no token for the bot: the token service answered 200 without one")
        if not isinstance(life, int | float) or isinstance(life, bool) or not life > 0:
            return token, _LIFE_UNKNOWN_S
        return token, min(float(life), _LIFE_MAX_S)


def _failure(answer: Answer) -> DeliveryDelayed | DeliveryRefused:
    error = answer.document.get("error")
    word = error if isinstance(error, str) and _ERROR.fullmatch(error) else "no error that OAuth knows"
    what = f"no token for the bot: the token service answered {answer.status}, {word}"
    if answer.status in {httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED}:
        return DeliveryRefused(f"{what}; are app id, tenant and secret those of the bot's registration?")
    return DeliveryDelayed(what)
