"""Which node a call goes to, and what is learnt when it went wrong there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import RedisError

from authz.adapters.redis.address import Address
from authz.adapters.redis.node import Node


@dataclass(frozen=True, slots=True)
class Place:
    """A node to ask, `asking` when a slot is just moving there."""

    node: Node
    asking: bool = False


class Route(Protocol):
    """A way to the nodes of one Redis. Everything raises RedisError and OSError, and is bounded by its caller."""

    @property
    def scattered(self) -> bool:
        """Whether keys of different partitions may lie on different nodes."""
        ...

    @property
    def nodes(self) -> Sequence[Node]:
        """The nodes that are known now."""
        ...

    async def place(self, key: str) -> Place:
        """Return where a key is; any node for an empty one."""
        ...

    async def instead(self, key: str, place: Place, error: RedisError | OSError) -> Place | None:
        """Learn from an error. Return where to send the call instead, if it is certain that nothing was run."""
        ...

    def doubt(self, place: Place) -> None:
        """Learn that a call got no answer there in time."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class SingleRoute:
    """One server, always."""

    scattered = False

    def __init__(self, address: Address, connections: int, timeout: float) -> None:
        """Connect nothing yet."""
        self._place = Place(Node("Redis", address.options, connections, timeout))

    @property
    def nodes(self) -> Sequence[Node]:
        """See Route."""
        return (self._place.node,)

    async def place(self, key: str) -> Place:  # noqa: ARG002 - see Route
        """See Route."""
        return self._place

    async def instead(self, key: str, place: Place, error: RedisError | OSError) -> Place | None:  # noqa: ARG002 - see Route
        """See Route. There is no other."""
        return None

    def doubt(self, place: Place) -> None:
        """See Route."""

    async def aclose(self) -> None:
        """See Route."""
        await self._place.node.aclose()
