"""What every page for somebody signed in needs: who they are, and forms that only they can have sent."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request

from authz.entrypoints.console.csrf import form_token, is_form_token
from authz.entrypoints.console.form import FormLimits, read_form
from authz.entrypoints.console.pages import Viewer
from authz.entrypoints.console.sign_in import NotSignedIn, SignIn
from authz.entrypoints.console.site import Site
from authz.services.sessions import Session


@dataclass(frozen=True, slots=True)
class Desk:
    """Sessions and forms, shared by all pages."""

    site: Site
    sign_in: SignIn
    limits: FormLimits

    async def session(self, request: Request) -> Session:
        """Return who is signed in. Raises NotSignedIn, SignInRefused, and Unavailable."""
        session = await self.sign_in.current(request)
        if session is None:
            place = request.url.path if request.method == "GET" else "/"
            raise NotSignedIn(self.sign_in.invitation, self.sign_in.entrance(place))
        return session

    def viewer(self, session: Session) -> Viewer:
        """Return whom a page is for."""
        return Viewer(session.signed_in.name, form_token(session.key, "sign-out"), self.sign_in.switch)

    async def form(self, request: Request, session: Session, purpose: str, subject_id: str) -> dict[str, str]:
        """Return the fields of a form that a page of ours made: for this session, purpose, subject and its digest.

        Raises HTTPException as `read_form` does, and 403 for a form of anything else.
        """
        fields = await read_form(request, self.site, self.limits)
        digest = fields.get("digest", "")
        if not is_form_token(fields.get("csrf", ""), session.key, purpose, subject_id, digest):
            raise HTTPException(
                403, "This form is not from your session. Open the page again and look once more."
            )
        return fields | {"digest": digest, "comment": _typed(fields.get("comment", ""))}


def tokens(session: Session, purposes: tuple[str, ...], subject_id: str, digest: str) -> dict[str, str]:
    """Return the tokens that the forms of one page carry, by purpose."""
    return {purpose: form_token(session.key, purpose, subject_id, digest) for purpose in purposes}


def _typed(comment: str) -> str:
    """Return a comment as it was typed: browsers send CR LF and count one character."""
    return comment.replace("\r\n", "\n").strip()
