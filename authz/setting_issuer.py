"""How the identity provider may be named, and from where people may sign in."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from authz.domain.protected_url import is_protected

_SHARED_TENANTS = re.compile(
    r"https://login\.microsoftonline\.com/(common|organizations|consumers)\b", re.ASCII
)


def check_issuer(value: str) -> None:
    """Refuse what can't be an issuer (OpenID Connect Core section 2), or is none in particular."""
    parts = urlsplit(value)
    if "@" in parts.netloc or parts.query or parts.fragment or not parts.hostname:
        msg = "must be https://HOST[:PORT][/PATH], without query, fragment or password"
        raise ValueError(msg)
    if not is_protected(value):
        msg = (
            f"{value!r} is neither https:// nor on this machine: anybody in between could say who people are"
        )
        raise ValueError(msg)
    shared = _SHARED_TENANTS.match(value)
    if shared:
        msg = f"{shared[1]} is every tenant; name yours: https://login.microsoftonline.com/TENANT-ID/v2.0"
        raise ValueError(msg)


def check_reach_of_sign_in(public_url: str) -> None:
    """Refuse a console at plain http: whoever listens would have the sessions."""
    if not is_protected(public_url):
        msg = f"HOLDGATE_PUBLIC_URL={public_url} is neither https:// nor on this machine; nobody can sign in there"
        raise ValueError(msg)
