"""What a way to sign in gives the review pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from authz.domain.errors import HoldgateError
from authz.services.sessions import Session


class SignInRefused(HoldgateError):
    """Signing in isn't possible over this connection. The message is one sentence for the person."""


class NotSignedIn(HoldgateError):
    """The page is for people who are signed in. `entrance` is where they can, None where no link leads there."""

    def __init__(self, invitation: str, entrance: str | None) -> None:
        super().__init__(invitation)
        self.entrance = entrance


class SignIn(Protocol):
    """One way to prove who somebody is."""

    @property
    def invitation(self) -> str:
        """One sentence for somebody who isn't signed in: what to do."""
        ...

    @property
    def switch(self) -> str | None:
        """The path at which a signed-in person may become somebody else, None outside a demo."""
        ...

    def entrance(self, place: str) -> str | None:
        """Return where a link leads to sign in and come back to `place`, None where no link can."""
        ...

    def again(self, ticket_id: str, digest: str) -> str | None:
        """Return where to prove anew who one is, for a ticket of a high risk of which `digest` was shown."""
        ...

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes that this way needs. None of them may be a GET that decides anything."""
        ...

    async def current(self, request: Request) -> Session | None:
        """Return the session of this request. Raises SignInRefused, and Unavailable."""
        ...

    async def end(self, request: Request, response: Response) -> None:
        """Sign out whoever sent this request. Raises Unavailable."""
        ...
