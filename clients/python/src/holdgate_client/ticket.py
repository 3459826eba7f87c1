from __future__ import annotations

import re
from typing import Final

import httpx

from holdgate_client.origin import Origin

HEADER: Final = "x-approval-ticket"

TOKEN: Final = re.compile(
    r"hg[0-9]{1,3}\.[A-Za-z0-9_-]{1,64}\.([A-Za-z0-9_-]{1,128})\.[A-Za-z0-9_-]{16,256}", re.ASCII
)
"""A ticket's token; its group is the ticket's id. What it proves is for the server alone."""


class Ticket:
    """What lets a held request through once it is approved, and the origin that gave it; None for a gRPC channel's.

    `token` is a secret as the request's own credentials are: together they are the approved request. It is in no
    `repr` and no message of an error, and this is no dataclass, so that nothing that takes those apart finds it.
    """

    __slots__ = ("origin", "token")

    def __init__(self, token: str, origin: Origin | None = None) -> None:
        """Refuse what is no token with ValueError. The value isn't told, because it may be a secret all the same."""
        if not TOKEN.fullmatch(token):
            raise ValueError("this is not the token of a ticket: it has to look like hg1.KEY.ID.PROOF")
        self.token = token
        self.origin = origin

    @classmethod
    def issued_by(cls, url: httpx.URL | str, token: str, *, host: str | None = None) -> Ticket:
        """Make the ticket anew from its token, to go on in another process.

        `url` is any address at the gate that gave it, `host` the header host where that was another name. Raises
        ValueError when `token` is none.

        >>> Ticket.issued_by("https://gate.example", "hg1.k1.0-7sc7o." + "x" * 43)
        Ticket(id='0-7sc7o', origin='https://gate.example')
        """
        return cls(token, Origin.of(httpx.URL(url), host))

    @property
    def id(self) -> str:
        """The public id, which logs and approvers' pages show. It grants nothing."""
        match = TOKEN.fullmatch(self.token)
        return match[1] if match else ""

    def __eq__(self, other: object) -> bool:
        """Say whether it is the same ticket of the same origin."""
        return isinstance(other, Ticket) and (self.token, self.origin) == (other.token, other.origin)

    def __hash__(self) -> int:
        """As equality has it."""
        return hash((self.token, self.origin))

    def __repr__(self) -> str:
        """Show everything but the token."""
        origin = None if self.origin is None else str(self.origin)
        return f"Ticket(id={self.id!r}, origin={origin!r})"
