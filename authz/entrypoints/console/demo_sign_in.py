"""Sign-in for the demo: pick a sample person, behind a one-time secret in the printed address.

Opening the address shows the picker and changes nothing, so that a prefetch or a preview can't burn it;
choosing a person does. Afterwards the session may switch to another person, and a used address is good for
nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from authz.domain.errors import SettingsInvalid
from authz.domain.identity import Identity
from authz.entrypoints.console.csrf import form_token, is_form_token
from authz.entrypoints.console.demo_address import PATH, OneTimeSecrets
from authz.entrypoints.console.demo_guard import DemoGuard
from authz.entrypoints.console.form import FormLimits, read_form
from authz.entrypoints.console.local_only import is_loopback, why_not_local
from authz.entrypoints.console.pages import Viewer, page
from authz.entrypoints.console.sessions import Sessions
from authz.entrypoints.console.sessions_in_memory import MemorySessions
from authz.entrypoints.console.sign_in import SignInRefused
from authz.entrypoints.console.site import Site
from authz.services.sessions import Session, SessionLimits
from authz.services.voting import SignedIn

METHOD = "demo"

_USED = "This address was used already, or is not of this run. `holdgate demo sign-in` prints a fresh one."


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody to be in the demo. `key` is what forms send, `about` one line under the name."""

    key: str
    identity: Identity
    name: str
    about: str


class DemoSignIn:
    """The picker, its one-time addresses, and the sessions that it starts."""

    invitation = (
        "Open the sign-in address that the demo printed in your terminal. "
        "`holdgate demo sign-in` prints another one."
    )
    switch = PATH

    def __init__(  # noqa: PLR0913 - limits and clocks have defaults
        self,
        site: Site,
        people: Sequence[DemoPerson],
        guard: DemoGuard,
        key: str,
        *,
        session_limits: SessionLimits | None = None,
        form_limits: FormLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`key` is what the run's one-time addresses are made with.

        Raises SettingsInvalid when it is short, or when the site has a name that isn't this machine's
        loopback.
        """
        foreign = [host for host in sorted(site.hosts) if not is_loopback(_without_port(host))]
        if foreign:
            raise SettingsInvalid(
                [f"demo sign-in is refused: the console is also called {name}" for name in foreign]
            )
        self.guard = guard
        self._site = site
        self._people = {person.key: person for person in people}
        self.memory = MemorySessions(session_limits or SessionLimits(), monotonic)
        self._sessions = Sessions(site, self.memory)
        self._form_limits = form_limits or FormLimits()
        self._wall = wall
        self._secrets = OneTimeSecrets(key)

    def entrance(self, place: str) -> str | None:  # noqa: ARG002 - see SignIn
        """See SignIn: only the printed address leads in."""
        return None

    def again(self, ticket_id: str, digest: str) -> str | None:  # noqa: ARG002 - whoever picks anew has signed in anew
        """See SignIn."""
        return PATH

    def routes(self) -> Sequence[BaseRoute]:
        """The picker, and what it submits to."""
        return [
            Route(PATH, self.picker, methods=["GET"], name="demo-picker"),
            Route(PATH, self.pick, methods=["POST"], name="demo-pick"),
        ]

    async def current(self, request: Request) -> Session | None:
        """Return the session. Raises SignInRefused for a request that isn't from this machine."""
        reason = why_not_local(request)
        if reason:
            raise SignInRefused(reason)
        return await self._sessions.find(request)

    async def end(self, request: Request, response: Response) -> None:
        """End the session."""
        await self._sessions.end(request, response)

    async def picker(self, request: Request) -> Response:
        """Show who one can be, to the holder of an unused address and to a session."""
        session = await self.current(request)
        secret = request.query_params.get("secret", "")
        proof = ("secret", secret)
        if not self._secrets.good(secret):
            if session is None:
                raise HTTPException(403, _USED if secret else self.invitation)
            proof = ("csrf", form_token(session.key, "switch"))
        viewer = None
        if session:
            viewer = Viewer(session.signed_in.name, form_token(session.key, "sign-out"), PATH)
        context: dict[str, object] = {
            "action": PATH,
            "people": list(self._people.values()),
            "proof_name": proof[0],
            "proof": proof[1],
            "now": session.signed_in.identity if session else None,
        }
        return page("picker.html", viewer, context)

    async def pick(self, request: Request) -> Response:
        """Sign in as the chosen person under a new session, and burn the address."""
        session = await self.current(request)
        fields = await read_form(request, self._site, self._form_limits)
        person = self._people.get(fields.get("person", ""))
        if person is None:
            raise HTTPException(400, "There is no such sample person.")
        if "secret" in fields:
            if not self._secrets.burn(fields["secret"]):
                raise HTTPException(403, _USED)
        elif session is None or not is_form_token(fields.get("csrf", ""), session.key, "switch"):
            raise HTTPException(403, self.invitation)
        signed_in = SignedIn(person.identity, person.name, METHOD, int(self._wall() * 1000))
        response = RedirectResponse("/", 303)
        await self._sessions.start(request, response, signed_in)
        return response


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
