"""What an approved request carries upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import http_sf

from authz.domain.header_mutation import Mutations
from authz.domain.reserved_headers import APPROVAL_ID, APPROVED_BY, repeating
from authz.domain.ticket import Choice, Ticket, Vote
from authz.services.check.call import CheckCall


def approved(call: CheckCall, ticket: Ticket, votes: Sequence[Vote], mutations: Mutations) -> Mutations:
    """Add who approved it, as an RFC 9651 list of strings, and the ticket's id; take away what would repeat it."""
    voters = [str(vote.identity) for vote in votes if vote.choice is Choice.APPROVE]
    approved_by = http_sf.ser(cast("list[Any]", voters))
    headers = (*mutations.headers, (APPROVAL_ID, ticket.id), (APPROVED_BY, approved_by))
    removed = (*mutations.remove_headers, *repeating(call.request))
    return replace(mutations, headers=headers, remove_headers=removed)
