"""What people do to tickets, whichever way it comes in: page, management API, later chat buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from authz.domain.errors import Unavailable, VoteRefused
from authz.domain.identity import Actor, Identity, Person
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, State, Ticket
from authz.domain.voting import Ballot, Counted, cancel, cast, eligible, revoke, withdraw
from authz.services.permissions import Action, VoteRule
from authz.services.ports import Directory, Loaded, TicketStore
from authz.services.vote_subject import ticket_subject

RELOADS_MAX = 5
CLAIMS: Final = "claims"
"""What a vote says of groups that came with a sign-in."""

_ACTIONS = {Choice.APPROVE: Action.APPROVE, Choice.REJECT: Action.REJECT}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody whose identity was proven, before the directory was asked about them.

    `groups` are those that the identity provider told of when they signed in, at `groups_at` (epoch ms); None where
    the directory is to say.
    """

    identity: Identity
    name: str
    method: str
    signed_in_at: int
    groups: tuple[str, ...] | None = None
    groups_at: int = 0


class VoteObserver(Protocol):
    """Is told who tried what and wasn't let, whichever way it came in. Must not raise."""

    def refused(self, action: Action, ticket_id: str, signed_in: SignedIn, code: str) -> None:
        """Somebody's action was refused, with this code of VoteRefused."""
        ...


class VotingService:
    """Asks the directory who acts, the rules whether they may, and stores it by compare-and-set.

    Every action raises VoteRefused, PolicyUnavailable, PolicyMalformed, StoreUnavailable, RecordUnreadable and
    TooContended. Somebody else's action in between makes this one be judged anew on the fresh ticket, a bounded
    number of times.
    """

    def __init__(  # noqa: PLR0913 - each is one collaborator, named at the calls
        self,
        store: TicketStore,
        directory: Directory,
        rule: VoteRule,
        sign_in: SignInRules,
        *,
        timeout: float,
        observer: VoteObserver | None = None,
    ) -> None:
        """`sign_in` is what a high risk asks of a vote. `timeout` bounds each question to OPA, in seconds."""
        self._store = store
        self._directory = directory
        self._rule = rule
        self._timeout = timeout
        self._observer = observer
        self.sign_in = sign_in

    async def actor(self, signed_in: SignedIn) -> Actor:
        """Return who this is, with their groups of now. Raises PolicyUnavailable."""
        person = _of_claims(await self._directory.person(signed_in.identity, self._timeout), signed_in)
        name = person.name if person else signed_in.name
        return Actor(signed_in.identity, name, person, signed_in.method, signed_in.signed_in_at)

    async def may_view(self, actor: Actor, loaded: Loaded) -> bool:
        """Say whether somebody may look: people whom the directory knows, and the requester, if the rule agrees."""
        if actor.person is None and actor.identity != loaded.ticket.draft.requester.identity:
            return False
        subject = ticket_subject(loaded.ticket, loaded.now)
        return (await self._rule.permits(Action.VIEW, actor, subject, self._timeout)).allowed

    async def vote(self, ticket_id: str, signed_in: SignedIn, ballot: Ballot) -> Loaded:
        """Count one vote and return the ticket afterwards. The same vote again changes nothing and is no error.

        The rule is asked before anything is told of the ticket, for a vote that is there already too: whom it refuses
        now learns neither that it counts nor how things stand.
        """
        actor = await self.actor(signed_in)

        async def attempt(loaded: Loaded) -> Loaded | None:
            ticket = loaded.ticket
            eligible(ticket, actor)
            await self._permit(_ACTIONS[ballot.choice], actor, loaded)
            counted = cast(ticket, actor, ballot, loaded.now, self.sign_in)
            if not counted.changed:
                return loaded
            until = self.sign_in.counts_until(ticket.draft.requirement.risk, actor.signed_in_at)
            reason = _reason(ticket, counted)
            return await self._store.vote(ticket_id, ticket.rev, counted.votes, counted.state, reason, until)

        with self.telling(_ACTIONS[ballot.choice], ticket_id, signed_in):
            return await self._contend(ticket_id, attempt)

    async def withdraw(self, ticket_id: str, signed_in: SignedIn) -> Loaded:
        """Take one's own vote back while the ticket is pending, and return the ticket afterwards."""
        actor = await self.actor(signed_in)

        async def attempt(loaded: Loaded) -> Loaded | None:
            vote = withdraw(loaded.ticket, actor, loaded.now)
            await self._permit(Action.WITHDRAW, actor, loaded)
            return await self._store.withdraw(ticket_id, loaded.ticket.rev, vote.person)

        with self.telling(Action.WITHDRAW, ticket_id, signed_in):
            return await self._contend(ticket_id, attempt)

    async def cancel(self, ticket_id: str, signed_in: SignedIn, comment: str) -> Loaded:
        """Take one's own request back before anybody decided, and return the ticket afterwards."""
        actor = await self.actor(signed_in)

        async def attempt(loaded: Loaded) -> Loaded | None:
            ending = cancel(loaded.ticket, actor, comment, loaded.now)
            await self._permit(Action.CANCEL, actor, loaded)
            return await self._store.end(ticket_id, loaded.ticket.rev, State.CANCELLED, ending)

        with self.telling(Action.CANCEL, ticket_id, signed_in):
            return await self._contend(ticket_id, attempt)

    async def revoke(self, ticket_id: str, signed_in: SignedIn, comment: str) -> Loaded:
        """Take a grant back before it is used up, and return the ticket afterwards."""
        actor = await self.actor(signed_in)

        async def attempt(loaded: Loaded) -> Loaded | None:
            ending = revoke(loaded.ticket, actor, comment, loaded.now)
            await self._permit(Action.REVOKE, actor, loaded)
            return await self._store.end(ticket_id, loaded.ticket.rev, State.REVOKED, ending)

        with self.telling(Action.REVOKE, ticket_id, signed_in):
            return await self._contend(ticket_id, attempt)

    @contextmanager
    def telling(self, action: Action, ticket_id: str, signed_in: SignedIn) -> Iterator[None]:
        """Tell the observer of a VoteRefused that is raised inside, which goes on."""
        try:
            yield
        except VoteRefused as refused:
            if self._observer is not None:
                self._observer.refused(action, ticket_id, signed_in, refused.code)
            raise

    async def _permit(self, action: Action, actor: Actor, loaded: Loaded) -> None:
        subject = ticket_subject(loaded.ticket, loaded.now)
        permission = await self._rule.permits(action, actor, subject, self._timeout)
        if not permission.allowed:
            code = "not-permitted"
            raise VoteRefused(code, permission.reason or "The operator's rule doesn't let you do this.")

    async def _contend(self, ticket_id: str, attempt: Callable[[Loaded], Awaitable[Loaded | None]]) -> Loaded:
        for _ in range(RELOADS_MAX):
            loaded = await self._store.load(ticket_id)
            if loaded is None:
                code = "unknown-ticket"
                raise VoteRefused(code, "There is no such ticket.")
            stored = await attempt(loaded)
            if stored is not None:
                return stored
        msg = f"ticket {ticket_id} changed {RELOADS_MAX} times while one action was taken"
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


def _of_claims(person: Person | None, signed_in: SignedIn) -> Person | None:
    """Give somebody the groups that the identity provider told of, where it is the one to say.

    Whoever is known by that alone is linked to no other account.
    """
    if signed_in.groups is None:
        return person
    known = person or Person(str(signed_in.identity), signed_in.name, frozenset(), "", linked=False)
    return replace(known, groups=frozenset(signed_in.groups), source=CLAIMS)
