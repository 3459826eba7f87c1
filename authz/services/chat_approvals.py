"""What waits for somebody, for the commands of chats: a short list, and the ticket behind the code that cards show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.domain.ticket import Choice, State
from authz.domain.token import is_ticket_id, short_code
from authz.domain.voting import Ballot, cast, eligible
from authz.services.chat_deciding import check_risk
from authz.services.ports import Loaded, TicketStore
from authz.services.viewing import only_viewable
from authz.services.voting import SignedIn, VotingService

PAGE: Final = 100
SEARCHED_MAX: Final = 1000
"""How many waiting tickets, the newest first, are looked through for a code or for what somebody may decide."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Tickets that somebody could vote on now, newest first. `more` says that there may be others."""

    tickets: tuple[Loaded, ...]
    more: bool


class ChatApprovals:
    """Looks for tickets; nothing is decided here.

    Every method raises PolicyUnavailable, PolicyMalformed, StoreUnavailable and RecordUnreadable.
    """

    def __init__(self, store: TicketStore, voting: VotingService) -> None:
        self._store = store
        self._voting = voting

    async def waiting(self, signed_in: SignedIn, limit: int) -> Waiting:
        """Return up to `limit` tickets that this person is asked about and may see."""
        actor = await self._voting.actor(signed_in)
        if actor.person is None:  # nobody asks strangers, and no message of theirs is worth a search
            return Waiting((), more=False)
        found: list[Loaded] = []
        async for page in self._pages():
            theirs = [loaded for loaded in page if _asked(loaded, actor)]
            found += await only_viewable(partial(self._voting.may_view, actor), theirs)
            if len(found) > limit:
                return Waiting(tuple(found[:limit]), more=True)
        return Waiting(tuple(found), more=False)

    async def named(self, signed_in: SignedIn, code: str) -> Loaded | None:
        """Return the waiting ticket with this code, as a card shows it, or with this id.

        None where there is none, where this person may not look at it, and where two have the same code. For whom the
        directory doesn't know nothing is searched: an id is read, and found where the request is their own.
        """
        actor = await self._voting.actor(signed_in)
        wanted = code.replace("-", "").upper()
        found: list[Loaded] = []
        if is_ticket_id(code):
            loaded = await self._store.load(code)
            found = [loaded] if loaded else []
        elif actor.person is not None:
            async for page in self._pages():
                found += [one for one in page if short_code(one.ticket.id).replace("-", "") == wanted]
        seen = await only_viewable(partial(self._voting.may_view, actor), found)
        return seen[0] if len(seen) == 1 else None

    async def check(self, loaded: Loaded, signed_in: SignedIn, choice: Choice) -> None:
        """Raise VoteRefused where a vote by this person would be refused by the rules of the code, as things are now.

        For those who are asked for a reason first: the vote itself is judged when it is given.
        """
        actor = await self._voting.actor(signed_in)
        eligible(loaded.ticket, actor)
        check_risk(loaded.ticket)
        digest = loaded.ticket.draft.fingerprint.payload_digest
        cast(loaded.ticket, actor, Ballot(choice, "?", digest), loaded.now, self._voting.sign_in)

    async def _pages(self) -> AsyncIterator[list[Loaded]]:
        cursor = ""
        for _ in range(SEARCHED_MAX // PAGE):
            page = await self._store.page(State.PENDING, PAGE, cursor)
            yield [Loaded(ticket, page.now) for ticket in page.tickets]
            cursor = page.cursor
            if not cursor:
                return


def _asked(loaded: Loaded, actor: Actor) -> bool:
    """Say whether this person is asked about it at all, and it still waits."""
    if loaded.ticket.state_at(loaded.now) is not State.PENDING:
        return False
    try:
        eligible(loaded.ticket, actor)
    except VoteRefused:
        return False
    return True
