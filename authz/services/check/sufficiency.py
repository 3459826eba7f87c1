"""Whether what was approved then is enough for what the policy demands now."""

from __future__ import annotations

from dataclasses import replace

from authz.domain.requirement import Requirement
from authz.domain.sign_in import SignInRules
from authz.domain.standing import standing
from authz.domain.ticket import Ticket, Vote
from authz.services.check.drafting import Drafting


class Sufficiency:
    """Judges a ticket's votes, binding and justification. Uses and window are counted where a use is taken."""

    def __init__(self, drafting: Drafting, sign_in: SignInRules) -> None:
        """Take the collaborators."""
        self._drafting = drafting
        self._sign_in = sign_in

    def satisfied(self, ticket: Ticket, demanded: Requirement) -> bool:
        """Say whether the votes and the binding of then meet what the policy demands now."""
        if not demanded.scope:
            then = replace(ticket.draft.fingerprint.binding, ignores=ticket.draft.requirement.body_ignores)
            if not then.covers(self._drafting.binding(demanded)):
                return False
        if demanded.justification_required and not ticket.draft.justification:
            return False
        votes = self.counting(ticket, demanded)
        return standing(ticket.draft, votes, demanded).complete

    def counting(self, ticket: Ticket, demanded: Requirement) -> list[Vote]:
        """Return the votes whose sign-in meets the risk of now."""
        return [
            vote
            for vote in ticket.votes
            if self._sign_in.meets(demanded.risk, vote.method, vote.signed_in_at, vote.at)
        ]
