"""One OpenID provider, by the authorization code flow with PKCE (OpenID Connect Core 3.1, RFC 7636, RFC 9700)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from authz.adapters.oidc.claims import Proven, proven
from authz.adapters.oidc.documents import Documents
from authz.adapters.oidc.fetch import fetch
from authz.adapters.oidc.group_claims import groups_of
from authz.adapters.oidc.id_token import Expected, KeyUnknown, verified_claims
from authz.adapters.oidc.metadata import Metadata
from authz.adapters.oidc.settings import CLOCKS_APART_S, OidcSettings
from authz.domain.errors import ProviderUnavailable, SignInFailed

CODE_MAX = 4096

_ERROR = re.compile(r"[a-z_]{1,64}", re.ASCII)


class OidcProvider:
    """Sends people to the provider, and reads what it says when they come back. Use it from one event loop."""

    def __init__(
        self,
        settings: OidcSettings,
        client: httpx.AsyncClient,
        *,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """`client` is one of `provider_client`. `wall` gives epoch seconds."""
        self._settings = settings
        self._client = client
        self._wall = wall
        self._documents = Documents(settings, client, monotonic)

    async def authorization_url(self, state: str, nonce: str, verifier: str, *, anew: bool) -> str:
        """Return where the browser goes. `anew` asks for a proof now, whatever session the provider has.

        Raises ProviderUnavailable.
        """
        metadata = await self._documents.metadata()
        url: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            self._settings.client_id,
            "code",
            self._settings.redirect_uri,
            " ".join(self._settings.scopes),
            state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call]
            code_challenge_method="S256",
            # Both, because providers heed the one or the other; `auth_time` then says whether any was.
            **({"prompt": "login", "max_age": "0"} if anew else {}),
        )
        return url

    async def redeem(self, answer: Mapping[str, str], nonce: str, verifier: str) -> Proven:
        """Return who came back with this answer (the callback's query, its state checked).

        Raises SignInFailed, and ProviderUnavailable.
        """
        metadata = await self._documents.metadata()
        self._check_sender(answer, metadata)
        if "error" in answer:
            raise _refusal(answer["error"])
        code = answer.get("code", "")
        if not 0 < len(code) <= CODE_MAX:
            raise SignInFailed(
                "code-missing", "The identity provider sent you back without a code. Begin again."
            )
        tokens = await self._exchange(metadata, code, verifier)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str):
            what = "The identity provider answered without an ID token; the scope openid asks for it."
            raise SignInFailed("id-token-missing", what)
        expected = Expected(
            issuer=self._settings.issuer,
            client_id=self._settings.client_id,
            nonce=nonce,
            access_token=access_token if isinstance(access_token, str) else None,
            algorithms=metadata.algorithms,
        )
        claims = await self._verified(id_token, expected)
        latest_s = self._wall() + CLOCKS_APART_S
        who = proven(claims, self._settings.issuer, self._settings.name_claim, latest_s)
        if not self._settings.groups_claim:
            return who
        return replace(who, groups=groups_of(claims, self._settings.groups_claim))

    def _check_sender(self, answer: Mapping[str, str], metadata: Metadata) -> None:
        """Refuse an answer of another provider than was asked (RFC 9207 section 2.4: a mix-up attack)."""
        named = answer.get("iss")
        if named is None and not metadata.names_itself:
            return
        if named is None or not hmac.compare_digest(named.encode(), self._settings.issuer.encode()):
            what = "This answer is not of the identity provider that you were sent to. Nothing was taken from it."
            raise SignInFailed("wrong-issuer", what)

    async def _exchange(self, metadata: Metadata, code: str, verifier: str) -> Mapping[str, object]:
        """Trade the code for tokens (RFC 6749 section 4.1.3)."""
        settings = self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": verifier,
        }
        auth = None
        if settings.client_secret and not metadata.secret_in_body:
            # Section 2.3.1: each half is form-encoded before they are joined.
            auth = httpx.BasicAuth(quote(settings.client_id, safe=""), quote(settings.client_secret, safe=""))
        else:
            form["client_id"] = settings.client_id
            if settings.client_secret:
                form["client_secret"] = settings.client_secret
        request = self._client.build_request("POST", metadata.token_endpoint, data=form)
        if auth is not None:
            request = next(auth.sync_auth_flow(request))
        told = await fetch(self._client, request, settings.timeout_s)
        if told.status == httpx.codes.OK:
            return told.document
        error = told.document.get("error")
        if error == "invalid_grant":
            what = "The identity provider doesn't take its code (any more). Begin again."
            raise SignInFailed("code-refused", what)
        word = error if isinstance(error, str) and _ERROR.fullmatch(error) else "no error that OAuth knows"
        raise ProviderUnavailable(
            f"{metadata.token_endpoint}: answered {told.status}, {word}; "
            "are HOLDGATE_OIDC_CLIENT_ID and HOLDGATE_OIDC_CLIENT_SECRET those of this client?"
        )

    async def _verified(self, id_token: str, expected: Expected) -> Mapping[str, object]:
        try:
            return verified_claims(id_token, await self._documents.keys(), expected, self._wall())
        except KeyUnknown:
            # The provider may have a new key since.
            keys = await self._documents.keys(again=True)
        try:
            return verified_claims(id_token, keys, expected, self._wall())
        except KeyUnknown:
            what = "The identity provider's proof is signed with a key that isn't one of its own."
            raise SignInFailed("key-unknown", what) from None


def _refusal(error: str) -> SignInFailed:
    """Say what an error response (RFC 6749 section 4.1.2.1) means. Its description is anybody's text, and not shown."""
    if error == "access_denied":
        return SignInFailed("provider-refused", "The identity provider didn't let you in, or you declined.")
    word = error if _ERROR.fullmatch(error) else "an unknown error"
    return SignInFailed("provider-refused", f"The identity provider refused: {word}.")
