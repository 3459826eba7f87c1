"""Sign-in with an OpenID provider.

Two GETs, because browsers take the way to a provider and back as links. Neither decides anything: the first changes
nothing here, the second starts a session for whoever the provider says this is, with what only this browser has.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from authz.adapters.oidc.claims import Proven
from authz.adapters.oidc.provider import OidcProvider
from authz.domain.errors import ProviderUnavailable, SignInFailed
from authz.domain.sign_in import CLOCKS_APART_MS
from authz.domain.token import is_ticket_id
from authz.entrypoints.console.pages import page
from authz.entrypoints.console.round_trip import MINUTES, RoundTrip, RoundTripSeal, new_seed
from authz.entrypoints.console.sessions import Sessions, cookie_name
from authz.entrypoints.console.site import Site
from authz.services.sessions import Session
from authz.services.voting import SignedIn

BEGIN, BACK = "/sign-in", "/sign-in/back"
METHOD = "oidc"

_COOKIE = "holdgate-sign-in"
_MS = 1000
_PLACE = re.compile(r"/(?:tickets/([\w-]+)|break-glass(?:/([\w-]+))?)?", re.ASCII)
_DIGEST = re.compile(r"[\w:=-]{1,128}", re.ASCII)

log = structlog.get_logger("holdgate.console")


@dataclass(frozen=True, slots=True)
class OidcParts:
    """What the sign-in is made of. `wall` gives epoch seconds.

    Groups that the provider told of are believed for `groups_max_age_s`.
    """

    provider: OidcProvider
    sessions: Sessions
    seal: RoundTripSeal
    wall: Callable[[], float] = time.time
    groups_max_age_s: float = 3600.0


class OidcSignIn:
    """Sends people to the provider and starts their session when they come back."""

    invitation = "Your organization's sign-in asks who you are, and brings you back here."
    switch = None

    def __init__(self, site: Site, parts: OidcParts) -> None:
        """`site` says what the cookies are called."""
        self._parts = parts
        self._secure = site.secure
        self.cookie = cookie_name(site, _COOKIE)

    def routes(self) -> Sequence[BaseRoute]:
        """The way there, and back."""
        return [
            Route(BEGIN, self.begin, methods=["GET"], name="sign-in"),
            Route(BACK, self.back, methods=["GET"], name="signed-in"),
        ]

    def entrance(self, place: str) -> str | None:
        """See SignIn."""
        return f"{BEGIN}?{urlencode({'next': place})}"

    def again(self, ticket_id: str, digest: str) -> str | None:
        """See SignIn."""
        return f"{BEGIN}?{urlencode({'ticket': ticket_id, 'digest': digest})}"

    async def current(self, request: Request) -> Session | None:
        """See SignIn."""
        session = await self._parts.sessions.find(request)
        if session is None or session.signed_in.groups is None:
            return session
        age_s = self._parts.wall() - session.signed_in.groups_at / _MS
        # Who left a group has to be out of it here, too, after a while.
        return session if age_s <= self._parts.groups_max_age_s else None

    async def end(self, request: Request, response: Response) -> None:
        """See SignIn."""
        await self._parts.sessions.end(request, response)

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider, with what it needs to come back."""
        trip = self._trip(request)
        with _outage_told():
            url = await self._parts.provider.authorization_url(
                trip.state, trip.nonce, trip.verifier, anew=trip.anew
            )
        response = RedirectResponse(url, 303)
        # Lax, not Strict: it has to come along when the provider sends the browser back.
        response.set_cookie(
            self.cookie,
            self._parts.seal.seal(trip),
            max_age=MINUTES * 60,
            httponly=True,
            samesite="lax",
            secure=self._secure,
            path="/",
        )
        return response

    async def back(self, request: Request) -> Response:
        """Start a session for who came back, under a new name, or say why not. One answer for one way there."""
        try:
            response = await self._signed_in(request)
        except SignInFailed as failed:
            log.warning("sign_in.failed", code=failed.code)
            context: dict[str, object] = {"sentence": str(failed), "entrance": self.entrance("/")}
            response = page("sign_in_failed.html", None, context, status=403)
        response.delete_cookie(self.cookie, httponly=True, samesite="lax", secure=self._secure, path="/")
        return response

    async def _signed_in(self, request: Request) -> Response:
        answer = _answer(request)
        now_s = int(self._parts.wall())
        trip = self._parts.seal.open(request.cookies.get(self.cookie, ""), now_s)
        if trip is None or not hmac.compare_digest(answer.get("state", "").encode(), trip.state.encode()):
            what = f"This sign-in was not begun in this browser, or more than {MINUTES} minutes ago. Begin again."
            raise SignInFailed("not-begun-here", what)
        with _outage_told():
            proven = await self._parts.provider.redeem(answer, trip.nonce, trip.verifier)
        if trip.anew:
            _check_new(proven, trip)
        response = RedirectResponse(trip.place, 303)
        groups_at = int(self._parts.wall() * _MS) if proven.groups is not None else 0
        signed_in = SignedIn(
            proven.identity, proven.name, METHOD, proven.auth_time * _MS, proven.groups, groups_at
        )
        await self._parts.sessions.start(request, response, signed_in)
        log.info("sign_in.done", identity=str(proven.identity), anew=trip.anew)
        return response

    def _trip(self, request: Request) -> RoundTrip:
        query = request.query_params
        began_s = int(self._parts.wall())
        ticket, digest = query.get("ticket", ""), query.get("digest", "")
        if not ticket and not digest:
            return RoundTrip(new_seed(), _place(query.get("next", "/")), began_s)
        if not is_ticket_id(ticket) or not _DIGEST.fullmatch(digest):
            raise HTTPException(400, "This address is incomplete. Open the request again and start there.")
        return RoundTrip(new_seed(), f"/tickets/{ticket}", began_s, ticket, digest)


@contextmanager
def _outage_told() -> Iterator[None]:
    """Tell the operator what the person isn't told: which address of the provider's, and what was wrong with it."""
    try:
        yield
    except ProviderUnavailable as error:
        log.error("sign_in.provider_unavailable", problem=str(error))  # noqa: TRY400 - a sentence, and no place
        raise


def _check_new(proven: Proven, trip: RoundTrip) -> None:
    """Refuse what the provider remembered instead of asking (OpenID Connect Core 3.1.2.1, `max_age`)."""
    if not proven.auth_time:
        what = (
            "The identity provider doesn't say when you signed in (the claim auth_time), so it can't be told that you "
            "did just now. Tell the operator."
        )
        raise SignInFailed("auth-time-missing", what)
    if proven.auth_time * _MS < trip.began_s * _MS - CLOCKS_APART_MS:
        what = (
            "The identity provider didn't ask you again who you are, and a high risk needs that. Begin again."
        )
        raise SignInFailed("not-asked-again", what)


def _answer(request: Request) -> dict[str, str]:
    """Return the provider's answer. Raises SignInFailed for a parameter that stands there twice (RFC 6749, 3.1)."""
    pairs = request.query_params.multi_items()
    answer = dict(pairs)
    if len(answer) != len(pairs):
        raise SignInFailed(
            "doubled-parameter", "The identity provider's answer says something twice. Begin again."
        )
    return answer


def _place(text: str) -> str:
    """Return a path of ours to go to; the front page for anything else, so that nobody is sent elsewhere from here."""
    return text if _PLACE.fullmatch(text) else "/"
