"""Taking votes, whichever way they come in: page, management API, later chat buttons."""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.errors import Unavailable, VoteRefused
from authz.domain.identity import Actor, Identity
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import State, Ticket
from authz.domain.voting import Ballot, Counted, cast
from authz.services.ports import Directory, Loaded, TicketStore

RELOADS_MAX = 5


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody whose identity was proven, before the directory was asked about them."""

    identity: Identity
    name: str
    method: str
    signed_in_at: int


class VotingService:
    """Asks the directory who votes, counts the vote, and stores it by compare-and-set."""

    def __init__(
        self, store: TicketStore, directory: Directory, sign_in: SignInRules, *, timeout: float
    ) -> None:
        """`sign_in` is what a high risk asks of a vote. `timeout` bounds each question to the directory, in seconds."""
        self._store = store
        self._directory = directory
        self._timeout = timeout
        self.sign_in = sign_in

    async def actor(self, signed_in: SignedIn) -> Actor:
        """Return who this is, with their groups of now. Raises PolicyUnavailable."""
        person = await self._directory.person(signed_in.identity, self._timeout)
        name = person.name if person else signed_in.name
        return Actor(signed_in.identity, name, person, signed_in.method, signed_in.signed_in_at)

    async def vote(self, ticket_id: str, signed_in: SignedIn, ballot: Ballot) -> Loaded:
        """Count one vote and return the ticket afterwards.

        Somebody else's vote in between makes this one be counted anew on the fresh ticket, a bounded number of
        times. The same vote again changes nothing and is no error.

        Raises VoteRefused, PolicyUnavailable, StoreUnavailable, RecordUnreadable.
        """
        actor = await self.actor(signed_in)
        for _ in range(RELOADS_MAX):
            loaded = await self._store.load(ticket_id)
            if loaded is None:
                code = "unknown-ticket"
                raise VoteRefused(code, "There is no such ticket.")
            counted = cast(loaded.ticket, actor, ballot, loaded.now, self.sign_in)
            if not counted.changed:
                return loaded
            stored = await self._store.vote(
                ticket_id, loaded.ticket.rev, counted.votes, counted.state, _reason(loaded.ticket, counted)
            )
            if stored is not None:
                return stored
        msg = f"ticket {ticket_id} changed {RELOADS_MAX} times while one vote was counted"
        raise TooContended(msg)


class TooContended(Unavailable):
    """Others kept changing the ticket; nothing was recorded, and trying again is safe."""

    dependency = "holdgate"


def _reason(ticket: Ticket, counted: Counted) -> dict[str, object]:
    """The data of the vote's event: who, what, as whom, and what they saw. No text of the request."""
    vote = counted.votes[-1]
    return {
        "rule": ticket.draft.requirement.rule,
        "choice": vote.choice.value,
        "by": {"ns": vote.identity.ns, "id": vote.identity.id, "name": vote.name, "person": vote.person},
        "groups": list(vote.groups),
        "groups_source": vote.groups_source,
        "method": vote.method,
        "signed_in_at": vote.signed_in_at,
        "comment": vote.comment,
        "shown_digest": vote.shown_digest,
        "decides": counted.state is not State.PENDING,
    }
