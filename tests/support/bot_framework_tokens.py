"""The vendor's signing keys, the tokens that it sends with an activity, and those that somebody else would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://api.botframework.com"
TOKEN_SECONDS = 3600

Document = dict[str, Any]


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid})


@cache
def cached_key(kid: str) -> RSAKey:
    """One that is made once: making one takes long."""
    return new_key(kid)


@dataclass(frozen=True, slots=True)
class VendorKey:
    """A key of the key service, and the channels that it is endorsed for."""

    key: RSAKey
    endorsements: tuple[str, ...] = ("msteams",)

    @property
    def kid(self) -> str:
        return str(self.key.kid)

    def entry(self) -> Document:
        public = self.key.as_dict(private=False)
        return {**public, "use": "sig", "x5t": self.kid, "endorsements": list(self.endorsements)}


FOREIGN_TENANT = "00000000-0000-0000-0000-00000000f0e1"


@dataclass(frozen=True, slots=True)
class Forgery:
    """What is otherwise than the vendor does it; nothing, as it is.

    `claims` are put into the token (None takes one out), `later` seconds move its times, `activity` changes what is
    sent, `key` signs in the vendor's place under the name of `kid`, and `header` is sent instead of `Bearer …`.
    """

    claims: Mapping[str, object] = field(default_factory=dict)
    later: int = 0
    algorithm: str = "RS256"
    key: RSAKey | None = None
    kid: str | None = None
    activity: Callable[[Document], None] | None = None
    header: Callable[[str], str | None] | None = None


HONEST = Forgery()


def _without_service_url(activity: Document) -> None:
    del activity["serviceUrl"]


def _other_service_url(activity: Document) -> None:
    activity["serviceUrl"] = "https://collector.example/"


def _other_channel(activity: Document) -> None:
    activity["channelId"] = "webchat"


def _foreign_conversation(activity: Document) -> None:
    activity["conversation"]["tenantId"] = FOREIGN_TENANT


def _foreign_channel_data(activity: Document) -> None:
    activity["channelData"]["tenant"]["id"] = FOREIGN_TENANT


def _no_tenant(activity: Document) -> None:
    del activity["conversation"]["tenantId"]


def _foreign(activity: Document) -> None:
    _foreign_conversation(activity)
    _foreign_channel_data(activity)


FORGERIES: Mapping[str, Forgery] = {
    "no token": Forgery(header=lambda _token: None),
    "another scheme": Forgery(header=lambda token: f"Basic {token}"),
    "no JWT": Forgery(header=lambda _token: "Bearer none"),
    "not signed": Forgery(header=lambda token: f"Bearer {token.rpartition('.')[0]}."),
    "another algorithm": Forgery(algorithm="RS384"),
    "another issuer": Forgery(claims={"iss": "https://sts.windows.net/somebody/"}),
    "no issuer": Forgery(claims={"iss": None}),
    "another bot's": Forgery(claims={"aud": "00000000-0000-0000-0000-0000000000b0"}),
    "no audience": Forgery(claims={"aud": None}),
    "several bots'": Forgery(
        claims={"aud": ["00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000b0"]}
    ),
    "expired": Forgery(later=-TOKEN_SECONDS - 301),
    "without end": Forgery(claims={"exp": None}),
    "of later": Forgery(later=301),
    "no serviceurl claim": Forgery(claims={"serviceurl": None}),
    "no serviceUrl in the body": Forgery(activity=_without_service_url),
    "another serviceUrl in the body": Forgery(activity=_other_service_url),
    "a key that the vendor hasn't": Forgery(key=cached_key("forger")),
    "a key under the vendor's name": Forgery(key=cached_key("forger"), kid="one"),
    "no name of the key": Forgery(kid=""),
    "another channel's key": Forgery(key=cached_key("webchat")),
    "another channel": Forgery(key=cached_key("webchat"), activity=_other_channel),
    "a foreign tenant": Forgery(activity=_foreign),
    "a foreign conversation": Forgery(activity=_foreign_conversation),
    "foreign channel data": Forgery(activity=_foreign_channel_data),
    "no tenant": Forgery(activity=_no_tenant),
}
"""What somebody else could send; the vendor's keys are `one` and, for another channel, `webchat`."""


def token_for(activity: Mapping[str, object], app_id: str, now: int, key: RSAKey, forgery: Forgery) -> str:
    """Return the token that goes with an activity. `key` is the vendor's."""
    claims: Document = {
        "serviceurl": activity.get("serviceUrl"),
        "nbf": now + forgery.later,
        "exp": now + forgery.later + TOKEN_SECONDS,
        "iss": ISSUER,
        "aud": app_id,
    }
    claims |= forgery.claims
    claims = {name: value for name, value in claims.items() if value is not None}
    key = forgery.key or key
    kid = str(key.kid) if forgery.kid is None else forgery.kid
    header = {"alg": forgery.algorithm, "typ": "JWT"} | ({"kid": kid, "x5t": kid} if kid else {})
    return jwt.encode(header, claims, key, algorithms=[forgery.algorithm])
