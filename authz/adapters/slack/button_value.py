"""What a button carries: the ticket's id, and the digest of what was shown. Nothing else of it is believed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from authz.domain.ticket import Ticket
from authz.domain.token import is_ticket_id

VALUE_MAX = 2000
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """Which ticket a button is about, and what its card showed."""

    ticket_id: str
    digest: str

    @classmethod
    def of(cls, ticket: Ticket) -> Shown:
        """Return what the buttons of a ticket's card carry."""
        return cls(ticket.id, ticket.draft.fingerprint.payload_digest)

    @property
    def value(self) -> str:
        """As it stands in a button."""
        return f"{self.ticket_id} {self.digest}"


def parse_value(value: str) -> Shown | None:
    """Read a button's value, None for what no button of ours carries."""
    ticket_id, blank, digest = value[:VALUE_MAX].partition(" ")
    if not blank or not is_ticket_id(ticket_id) or not _DIGEST.fullmatch(digest):
        return None
    return Shown(ticket_id, digest)
