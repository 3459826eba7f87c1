from __future__ import annotations

import re
from dataclasses import dataclass, field

import httpx

from holdgate_client.origin import Origin

HEADER = "x-approval-ticket"

TOKEN = re.compile(
    r"hg[0-9]{1,3}\.[A-Za-z0-9_-]{1,64}\.([A-Za-z0-9_-]{1,128})\.[A-Za-z0-9_-]{16,256}", re.ASCII
)
"""A ticket's token; its group is the ticket's id. What it proves is for the server alone."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What lets a held request through once it is approved, and the origin that gave it; None for a gRPC channel's.

    `token` is a secret as the request's own credentials are: together they are the approved request. It is in no
    `repr` and no message of an error.
    """

    token: str = field(repr=False)
    origin: Origin | None = None

    def __post_init__(self) -> None:
        """Refuse what is no token. The value isn't told, because it may be a secret all the same."""
        if not TOKEN.fullmatch(self.token):
            raise ValueError("this is not the token of a ticket: it has to look like hg1.KEY.ID.PROOF")

    @classmethod
    def issued_by(cls, url: httpx.URL | str, token: str, *, host: str | None = None) -> Ticket:
        """Make the ticket anew from its token, to go on in another process.

        `url` is any address at the gate that gave it, `host` the header host where that was another name. Raises
        ValueError when `token` is none.

        >>> Ticket.issued_by("https://gate.example", "hg1.k1.0-7sc7o." + "x" * 43).id
        '0-7sc7o'
        """
        return cls(token, Origin.of(httpx.URL(url), host))

    @property
    def id(self) -> str:
        """The public id, which logs and approvers' pages show. It grants nothing."""
        match = TOKEN.fullmatch(self.token)
        return match[1] if match else ""
