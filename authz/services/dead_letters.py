"""Notices that were given up: who may see them, and sending them again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.services.permissions import Action, VoteRule

LETTERS_MAX: Final = 200
"""Of a page."""

_CHANNEL = re.compile(r"(?:^|; )([^\s:;]+): ")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One notice that was given up. Times are epoch ms by Redis; `happened_at` is 0 where the outbox didn't say it.

    `type` and `ticket_id` are whatever stood there where it isn't `replayable`.
    """

    entry: str
    type: str
    ticket_id: str
    rev: int
    attempts: int
    why: str
    buried_at: int
    happened_at: int
    replayable: bool

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels that failed, as far as `why` names them: `NAME: what happened; NAME: …`."""
        return tuple(dict.fromkeys(_CHANNEL.findall(self.why))) if self.replayable else ()


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Dead letters, newest first, and the cursor to go on with (empty at the end)."""

    letters: Sequence[DeadLetter]
    cursor: str


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """What one channel answered to one event: its receipt; or, with an empty `channel`, what failed last."""

    type: str
    rev: int
    channel: str
    text: str


class DeadLetterStore(Protocol):
    """Dead letters and answers where the outbox is. Every method raises StoreUnavailable."""

    async def page(self, limit: int, cursor: str) -> LetterPage:
        """Return up to `limit`, newest first. Raises ValueError for a cursor that no page gave."""
        ...

    async def replay(self, entry: str) -> DeadLetter | None:
        """Put one back into the outbox as if it was new, in one step; None when it isn't there (any more).

        One that isn't replayable stays where it is.
        """
        ...

    async def answers(self, ticket_id: str) -> Sequence[ChannelAnswer]:
        """Return what is known of one ticket's notices, or of one review's."""
        ...


class DeadLetterService:
    """Asks the operator's rule before each step, with the action `audit`.

    Raises VoteRefused, PolicyUnavailable, PolicyMalformed and StoreUnavailable.
    """

    def __init__(self, letters: DeadLetterStore, rule: VoteRule, *, timeout: float) -> None:
        """`timeout` bounds each question to the rule, in seconds."""
        self._letters = letters
        self._rule = rule
        self._timeout = timeout

    async def page(self, actor: Actor, limit: int, cursor: str) -> LetterPage:
        """Return up to `limit` dead letters, newest first. Raises ValueError for a cursor that no page gave."""
        await self._permitted(actor)
        return await self._letters.page(min(limit, LETTERS_MAX), cursor)

    async def replay(self, actor: Actor, entry: str) -> DeadLetter:
        """Send one again, and return it as it was."""
        await self._permitted(actor)
        letter = await self._letters.replay(entry)
        if letter is None:
            code = "unknown-letter"
            raise VoteRefused(code, "There is no such dead letter; somebody may have sent it again already.")
        if not letter.replayable:
            code = "letter-unreadable"
            raise VoteRefused(code, "This entry can't be read, so it would be given up again.")
        return letter

    async def answers(self, actor: Actor, ticket_id: str) -> Sequence[ChannelAnswer]:
        """Return what the channels answered to the notices of one ticket."""
        await self._permitted(actor)
        return await self._letters.answers(ticket_id)

    async def _permitted(self, actor: Actor) -> None:
        if actor.person is None:
            code = "unknown-person"
            raise VoteRefused(code, "The directory doesn't know you, so you see nothing.")
        permission = await self._rule.permits(Action.AUDIT, actor, {}, self._timeout)
        if not permission.allowed:
            code = "not-permitted"
            raise VoteRefused(code, permission.reason or "The operator's rule doesn't let you do this.")
