"""One posting in the place of many cards, and what a channel needs that can post it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Digest:
    """How many of the tickets without a card of their own wait now, and how many there were since `since`.

    Both times are Redis's, in epoch ms. `moved` says that a newer digest goes on counting, further down in the channel.
    """

    waiting: int
    total: int
    since: int
    now: int
    moved: bool = False


@runtime_checkable
class Digesting(Protocol):
    """What a channel has, beside what every Channel has, whose cards may be replaced by one that counts.

    A channel without it (a program's webhook) is told of every ticket, however many there are.
    """

    @property
    def in_place(self) -> bool:
        """Whether what was posted can be changed afterwards, cards of tickets as well."""
        ...

    async def digest(self, digest: Digest, reference: str) -> str:
        """Post it, or change the one that is `reference` unless that is empty; return the reference.

        The reference is empty where nothing can be changed. Raises DeliveryDelayed, DeliveryRefused and CardGone.
        """
        ...
