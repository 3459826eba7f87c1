from __future__ import annotations

from dataclasses import dataclass, field

CLOCKS_APART_S = 60
"""How far the provider's clock may be from ours, as in authz/domain/sign_in.py."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """One client at one provider. `timeout_s` bounds each question to it as a whole.

    `groups_claim` is empty where the directory says who is in which group.
    Without a `client_secret` the client is a public one (RFC 6749 section 2.1): PKCE alone protects its codes.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ("openid", "profile")
    name_claim: str = "name"
    groups_claim: str = ""
    timeout_s: float = 5.0
