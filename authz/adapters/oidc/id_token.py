"""Whether an ID token is the provider's, for us, for this very sign-in, and of now (OpenID Connect Core 3.1.3.7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from authz.adapters.oidc.settings import CLOCKS_APART_S
from authz.domain.errors import SignInFailed

TOKEN_MAX = 64 * 1024


class KeyUnknown(Exception):
    """The token names a key that isn't among these; newer ones may have it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token has to say. `access_token` is the one beside it, for `at_hash`."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None
    algorithms: Collection[str]


def verified_claims(token: str, keys: KeySet, expected: Expected, now_s: float) -> Mapping[str, object]:
    """Return the claims of a valid token. Raises SignInFailed, and KeyUnknown."""
    signed = _signed(token, keys, expected.algorithms)
    options = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
    }
    params = {
        "client_id": expected.client_id,
        "nonce": expected.nonce,
        "access_token": expected.access_token,
    }
    claims = CodeIDToken(signed.claims, signed.header, options, params)
    try:
        claims.validate(int(now_s), CLOCKS_APART_S)
    except (JoseError, ValueError, TypeError) as error:
        raise _invalid(error) from error
    return dict(claims)


def _signed(token: str, keys: KeySet, algorithms: Collection[str]) -> jwt.Token:
    if len(token) > TOKEN_MAX:
        code = "id-token-invalid"
        raise SignInFailed(code, f"The identity provider's ID token is longer than {TOKEN_MAX} bytes.")
    try:
        return jwt.decode(token, keys, list(algorithms))
    except InvalidKeyIdError as error:
        raise KeyUnknown from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _invalid(error) from error


def _invalid(error: Exception) -> SignInFailed:
    """Translate what the library says: `error` and `claim` are words, the rest may quote the token."""
    what = getattr(error, "claim", "") or getattr(error, "error", "") or type(error).__name__
    code = "id-token-invalid"
    return SignInFailed(
        code, f"The identity provider's proof of who you are is not valid ({what}). Begin again."
    )
