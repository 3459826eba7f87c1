"""Logs who tried to do something to a ticket and wasn't let: the audit has what was done alone."""

from __future__ import annotations

import structlog

from authz.services.permissions import Action
from authz.services.voting import SignedIn

log = structlog.get_logger("holdgate.votes")


class VoteLog:
    """The observer of the vote service. Identities are stable keys, and no names of people."""

    def refused(self, action: Action, ticket_id: str, signed_in: SignedIn, code: str) -> None:
        """See VoteObserver."""
        log.info(
            "vote.refused",
            action=action.value,
            ticket=ticket_id,
            identity=str(signed_in.identity),
            method=signed_in.method,
            code=code,
        )
