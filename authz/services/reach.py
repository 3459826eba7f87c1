"""Who the people are that a ticket names, and by which accounts they can be reached in chats.

Nobody's right depends on it: it is for mentions and messages, and whoever votes is looked up anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from authz.domain.identity import Identity, Person
from authz.domain.ticket import Ticket
from authz.services.ports import Directory

DESIGNATED_MAX: Final = 20
"""People of one ticket that are looked up; a card with more mentions than that is read by nobody."""


class Reach:
    """Looks people up for cards. Each look-up is bounded by `timeout` seconds, and they run at the same time."""

    def __init__(self, directory: Directory, timeout: float = 1.0) -> None:
        self._directory = directory
        self._timeout = timeout

    async def designated(self, ticket: Ticket, failed: Callable[[Exception], None]) -> tuple[Person, ...]:
        """Return the people whom the demands name and whose vote is still awaited, each once.

        Without those whom the directory doesn't know: they can't vote. Nor can the requester. An outage is no reason to
        keep a card back, so `failed` is told of it, once, and those are returned who were found.
        """
        named = [
            approver.user
            for demand in ticket.draft.requirement.demands
            for approver in demand.approvers
            if approver.user is not None
        ]
        identities = list(dict.fromkeys(named))[:DESIGNATED_MAX]
        problems: list[Exception] = []
        looked_up = await asyncio.gather(*(self._found(identity, problems) for identity in identities))
        if problems:
            failed(problems[0])
        done = {vote.person for vote in ticket.votes} | {ticket.draft.requester_person}
        people: dict[str, Person] = {}
        for person in looked_up:
            if person is not None and person.id not in done:
                known = people.get(person.id)
                people[person.id] = person if known is None else _reachable(known, *person.accounts)
        return tuple(people.values())

    async def requester(self, ticket: Ticket) -> Person | None:
        """Return who asked, None where that is nobody in particular or nobody whom the directory knows.

        Raises PolicyUnavailable and PolicyMalformed.
        """
        draft = ticket.draft
        return None if draft.shared else await self._person(draft.requester.identity)

    async def _found(self, identity: Identity, problems: list[Exception]) -> Person | None:
        try:
            return await self._person(identity)
        except (PolicyUnavailable, PolicyMalformed) as error:
            problems.append(error)
            return None

    async def _person(self, identity: Identity) -> Person | None:
        """Return the person, who has this account, too: some chats know people by the identity they sign in with."""
        person = await self._directory.person(identity, self._timeout)
        return None if person is None else _reachable(person, identity)


def _reachable(person: Person, *accounts: Identity) -> Person:
    return replace(person, accounts=tuple(dict.fromkeys((*person.accounts, *accounts))))
