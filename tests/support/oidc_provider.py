"""An OpenID provider that does a real exchange, and refuses what real ones refuse.

It knows one client and signs with real RSA keys. A browser that signed in once is remembered (single sign-on), unless
it is asked to prove itself anew. What it does wrong, a test tells it to.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

CODE_SECONDS = 60
TOKEN_SECONDS = 300
SSO = "provider-session"

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who proved who they are, and when (epoch seconds)."""

    account: str
    at: int


@dataclass(slots=True)
class Code:
    """What a code stands for."""

    login: Login
    asked: Mapping[str, str]
    until: float
    used: bool = False


@dataclass
class Faults:
    """What this provider does otherwise than it should."""

    heeds_prompt: bool = True
    forgets_used_codes: bool = False
    checks_verifier: bool = True
    says_when: bool = True


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@cache
def _first_key() -> RSAKey:
    return new_key("one")


@dataclass
class Provider:
    """`app` is what it serves. `accounts` are claims by account; `clock` gives epoch seconds.

    `sign` makes an ID token of claims, `documents` changes a document by its path before it is sent.
    """

    issuer: str
    redirect_uri: str
    accounts: dict[str, Claims]
    clock: Callable[[], float]
    client_id: str = "holdgate"
    client_secret: str = "s3cret%:~ word"
    auth_method: str = "client_secret_basic"
    keys: list[RSAKey] = field(default_factory=lambda: [_first_key()])
    faults: Faults = field(default_factory=Faults)
    sign: Callable[[Claims], str] | None = None
    change_answer: Callable[[dict[str, str]], object] | None = None
    documents: dict[str, Callable[[Claims], Response]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    authorizations: list[Mapping[str, str]] = field(default_factory=list)
    logins: dict[str, Login] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._base = urlsplit(self.issuer).path.rstrip("/")
        self.app = Starlette(
            routes=[
                Route(f"{self._base}/.well-known/openid-configuration", self.configuration),
                Route(f"{self._base}/keys", self.key_set),
                Route(f"{self._base}/authorize", self.authorize, methods=["GET"]),
                Route(f"{self._base}/authorize", self.log_in, methods=["POST"]),
                Route(f"{self._base}/token", self.token, methods=["POST"]),
            ]
        )

    def signed(self, claims: Claims) -> str:
        key = self.keys[-1]
        return jwt.encode({"alg": "RS256", "kid": str(key.kid)}, claims, key)

    async def configuration(self, request: Request) -> Response:
        return self._document(
            request,
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": [self.auth_method],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            },
        )

    async def key_set(self, request: Request) -> Response:
        return self._document(request, {"keys": [key.as_dict(private=False) for key in self.keys]})

    async def authorize(self, request: Request) -> Response:
        """Show who one can be, or send back at once who is known already (OpenID Connect Core 3.1.2.1)."""
        asked = dict(request.query_params)
        if asked.get("client_id") != self.client_id or asked.get("redirect_uri") != self.redirect_uri:
            # Never a redirect to an address that nobody registered (RFC 6749 section 4.1.2.1).
            return PlainTextResponse("this client, or this redirect_uri, is not registered", 400)
        self.authorizations.append(asked)
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            return self._back(asked, {"error": "invalid_request"})
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return self._back(asked, {"error": "invalid_request", "error_description": "PKCE is required"})
        login = self.logins.get(request.cookies.get(SSO, ""))
        max_age = asked.get("max_age")
        old = login is not None and max_age is not None and self.clock() - login.at >= int(max_age)
        wants_new = asked.get("prompt") == "login" or old
        if login is not None and not (wants_new and self.faults.heeds_prompt):
            return self._back(asked, {"code": self._code(login, asked)})
        buttons = "".join(f'<button name="account" value="{name}">{name}</button>' for name in self.accounts)
        query = escape(request.url.query)
        form = f'<form method="post" action="{self._base}/authorize?{query}">{buttons}</form>'
        return HTMLResponse(f'<link rel="icon" href="data:,"><h1>Who are you?</h1>{form}')

    async def log_in(self, request: Request) -> Response:
        asked = dict(request.query_params)
        account = (await request.body()).decode().removeprefix("account=")
        if account not in self.accounts:
            return self._back(asked, {"error": "access_denied"})
        login = Login(account, int(self.clock()))
        response = self._back(asked, {"code": self._code(login, asked)})
        cookie = secrets.token_urlsafe(16)
        self.logins[cookie] = login
        response.set_cookie(SSO, cookie, httponly=True, samesite="lax")
        return response

    async def token(self, request: Request) -> Response:
        """Trade a code for tokens, once (RFC 6749 section 4.1.3, RFC 7636 section 4.6)."""
        form = await _form(request)
        if not self._is_client(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        code = self.codes.get(form.get("code", ""))
        if code is None or (code.used and not self.faults.forgets_used_codes) or self.clock() >= code.until:
            return JSONResponse({"error": "invalid_grant"}, 400)
        code.used = True
        challenge = _unpadded(sha256(form.get("code_verifier", "").encode()).digest())
        if self.faults.checks_verifier and challenge != code.asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant", "error_description": "code_verifier"}, 400)
        if form.get("redirect_uri") != code.asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant", "error_description": "redirect_uri"}, 400)
        access_token = secrets.token_urlsafe(16)
        claims = self._claims(code, access_token)
        id_token = (self.sign or self.signed)(claims)
        return JSONResponse({"access_token": access_token, "token_type": "Bearer", "id_token": id_token})

    def _claims(self, code: Code, access_token: str) -> Claims:
        now = int(self.clock())
        claims: Claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "at_hash": _unpadded(sha256(access_token.encode()).digest()[:16]),
        }
        if "nonce" in code.asked:
            claims["nonce"] = code.asked["nonce"]
        if self.faults.says_when:
            claims["auth_time"] = code.login.at
        return claims | self.accounts[code.login.account]

    def _is_client(self, request: Request, form: Mapping[str, str]) -> bool:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if self.auth_method == "client_secret_basic":
            if scheme != "Basic" or "client_secret" in form:
                return False
            halves = b64decode(encoded).decode().split(":")
            return [unquote(half) for half in halves] == [self.client_id, self.client_secret]
        if scheme or form.get("client_id") != self.client_id:
            return False
        return self.auth_method == "none" or form.get("client_secret") == self.client_secret

    def _code(self, login: Login, asked: Mapping[str, str]) -> str:
        code = secrets.token_urlsafe(16)
        self.codes[code] = Code(login, asked, self.clock() + CODE_SECONDS)
        return code

    def _back(self, asked: Mapping[str, str], answer: dict[str, str]) -> Response:
        answer = answer | {"state": asked.get("state", ""), "iss": self.issuer}
        changed = self.change_answer(answer) if self.change_answer else None
        query = changed if isinstance(changed, str) else urlencode(answer)
        return RedirectResponse(f"{self.redirect_uri}?{query}", 303)

    def _document(self, request: Request, document: Claims) -> Response:
        path = request.url.path.removeprefix(self._base)
        self.asked.append(path)
        change = self.documents.get(path)
        return change(document) if change else JSONResponse(document)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


def _unpadded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
