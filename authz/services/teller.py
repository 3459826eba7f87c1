"""A channel that can also tell one person in private."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

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
