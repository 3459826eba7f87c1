"""Whether the vendor sent what came in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError

from authz.adapters.bot_framework import checks
from authz.adapters.bot_framework.activity import Activity, activity_of, read_document
from authz.adapters.bot_framework.checks import Evidence
from authz.adapters.bot_framework.refusal import ActivityRefused
from authz.adapters.bot_framework.service_url import is_on_this_machine
from authz.adapters.bot_framework.settings import BotSettings
from authz.adapters.bot_framework.signing_keys import SigningKey, SigningKeys

ALGORITHMS: Final = ("RS256",)
"""What the vendor signs with. Whatever else a token names is somebody's attempt."""

TOKEN_MAX: Final = 16 * 1024

_BEARER: Final = re.compile(r"Bearer ([A-Za-z0-9_.-]+)", re.ASCII)


class InboundTokens:
    """Verifies the Authorization header of what comes in. Use it from one event loop."""

    def __init__(
        self,
        settings: BotSettings,
        client: httpx.AsyncClient,
        *,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """Ask nothing yet. `wall` gives epoch seconds, `monotonic` seconds that never go back.

        `client` is the caller's to close, after this. Raises ValueError for an openid_url that isn't protected.
        """
        self._settings = settings
        self._wall = wall
        self._keys = SigningKeys(settings.openid_url, client, settings.timeout_s, monotonic)

    async def receive(self, authorization: str | None, body: bytes) -> Activity:
        """Return the activity of a request that the vendor sent. Raises ActivityRefused and ActivityMalformed."""
        document = read_document(body)
        await self.verify(authorization, document)
        return activity_of(document)

    async def verify(self, authorization: str | None, activity: Mapping[str, object]) -> None:
        """Return if the vendor sent this activity, as JSON. Raises ActivityRefused, which is to be answered with 401.

        KeysUnavailable is one of them.
        """
        if authorization is None and self._settings.allow_unauthenticated_loopback:
            self._check_place(activity)
            return
        token = _bearer(authorization)
        claims, endorsements = await self._proven(token)
        evidence = Evidence(self._settings, claims, endorsements, activity, self._wall())
        for check in checks.PROOF:
            check(evidence)

    async def aclose(self) -> None:
        """Stop reading the vendor's keys."""
        await self._keys.aclose()

    def _check_place(self, activity: Mapping[str, object]) -> None:
        service_url = activity.get("serviceUrl")
        if not isinstance(service_url, str) or not is_on_this_machine(service_url):
            raise ActivityRefused(
                "not-loopback", "without a token, only a service on this machine is believed"
            )
        for check in checks.PLACE:
            check(Evidence(self._settings, {}, frozenset(), activity, self._wall()))

    async def _proven(self, token: str) -> tuple[Mapping[str, object], frozenset[str]]:
        """Return the claims of a token that the vendor signed, and what the key is endorsed for."""
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError, TypeError) as error:
            raise ActivityRefused("token-malformed", "the token is no JSON Web Token") from error
        if header.get("alg") not in ALGORITHMS:
            raise ActivityRefused("wrong-algorithm", f"the token is not signed by {', '.join(ALGORITHMS)}")
        signing = await self._keys.find(str(header.get("kid", "")))
        if signing is None:
            raise ActivityRefused("key-unknown", "the token doesn't name one of the vendor's keys")
        return signed_claims(token, signing), signing.endorsements


def signed_claims(token: str, signing: SigningKey) -> Mapping[str, object]:
    """Return the claims of a token that this key signed. Raises ActivityRefused."""
    try:
        return jwt.decode(token, signing.key, list(ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError) as error:
        raise ActivityRefused(
            "wrong-signature", "the token is not signed by the key that it names"
        ) from error


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise ActivityRefused("token-missing", "there is no Authorization header")
    match = _BEARER.fullmatch(authorization) if len(authorization) <= TOKEN_MAX else None
    if match is None:
        raise ActivityRefused(
            "token-malformed", f"Authorization is no Bearer token of at most {TOKEN_MAX} bytes"
        )
    return match.group(1)
