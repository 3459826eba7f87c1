"""A channel that can also tell one person in private."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Protocol, TypeAlias, runtime_checkable

from authz.domain.identity import Person
from authz.services.ports import Posting


@runtime_checkable
class Teller(Protocol):
    """What a channel has besides, to tell requesters what became of their requests."""

    async def tell(self, person: Person, posting: Posting) -> str:
        """Tell one person how the ticket stands, and return the receipt.

        Returns "" where this channel can't reach any of the person's accounts. Raises DeliveryDelayed and
        DeliveryRefused.
        """
        ...


Through: TypeAlias = Callable[[Callable[[], Coroutine[object, object, str]]], Coroutine[object, object, str]]
"""A guard of a channel that is given what to do with it (`Circuit.through`)."""


class GuardedTeller:
    """A teller behind the guard of its channel: a chat that doesn't answer posts doesn't answer this, either."""

    def __init__(self, teller: Teller, through: Through) -> None:
        self._teller = teller
        self._through = through

    async def tell(self, person: Person, posting: Posting) -> str:
        """See Teller. Raises what the guard raises, too."""
        return await self._through(partial(self._teller.tell, person, posting))
