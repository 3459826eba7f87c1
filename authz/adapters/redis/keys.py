"""The names of everything that Holdgate keeps in Redis.

All keys of a partition share one hash tag, so that a script's keys live on one node of a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.token import partition_of


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one partition. docs/redis.md says what each holds."""

    partition: int
    clock: str
    audit: str
    outbox: str
    pending: str
    approved: str
    requesters: str
    index: str
    garbage: str
    retry: str
    dead: str
    meta: str
    reviews: str
    breakers: str

    @classmethod
    def of(cls, partition: int) -> Keys:
        """Return the keys of a partition by its number."""
        tag = f"{{holdgate:p{partition}}}:"
        names = ("clock", "audit", "outbox", "pending", "approved", "requesters", "index", "garbage")
        named = {name: tag + name for name in (*names, "retry", "dead", "meta", "reviews", "breakers")}
        return cls(partition=partition, **named)

    @property
    def shared(self) -> tuple[str, ...]:
        """KEYS[1..8] of every script with the prelude, in its order."""
        return (
            self.clock,
            self.audit,
            self.outbox,
            self.pending,
            self.approved,
            self.requesters,
            self.index,
            self.garbage,
        )

    @property
    def tag(self) -> str:
        """What every key of this partition starts with."""
        return f"{{holdgate:p{self.partition}}}:"

    def ticket(self, identifier: str) -> str:
        """Return the hash of one ticket."""
        return f"{self.tag}ticket:{identifier}"

    def same(self, digest: str) -> str:
        """Return the pointer from a fingerprint's digest to the ticket that answers for it."""
        return f"{self.tag}same:{digest}"

    def pace(self, whose: str) -> str:
        """Return when the next would be due at an even pace: of tickets in all, of a requester's, of a rule's."""
        return f"{self.tag}pace:{whose}"

    def size(self, whose: str) -> str:
        """Return the hash of stored bytes by when they will be gone: of everybody, of a requester."""
        return f"{self.tag}size:{whose}"

    def body(self, identifier: str) -> str:
        """Return what is kept of one request's body."""
        return f"{self.tag}body:{identifier}"

    def deliveries(self, identifier: str) -> str:
        """Return the hash of what the channels answered for one ticket."""
        return f"{self.tag}deliveries:{identifier}"

    def cards(self, identifier: str) -> str:
        """Return the hash of the cards of one ticket that are changed in place."""
        return f"{self.tag}cards:{identifier}"

    def callback(self, digest: str) -> str:
        """Return the mark that one press of a button has come in."""
        return f"{self.tag}callback:{digest}"

    def review(self, identifier: str) -> str:
        """Return the hash of one use of break-glass and its review."""
        return f"{self.tag}review:{identifier}"

    def once(self, digest: str) -> str:
        """Return the pointer from a Check that broke the glass to the review it left behind."""
        return f"{self.tag}once:{digest}"

    def storm(self, channel: str) -> tuple[str, str, str, str]:
        """Return a channel's state, its tickets of a moment ago, those in its digest, and which of these wait."""
        state, recent, digested, waiting = (
            f"{self.tag}storm:{part}:{channel}" for part in ("state", "recent", "digested", "waiting")
        )
        return state, recent, digested, waiting

    def all_of(self, identifier: str) -> tuple[str, str, str]:
        """Return every key that one ticket alone has."""
        return self.ticket(identifier), self.body(identifier), self.deliveries(identifier)


def every_partition(partitions: int) -> tuple[Keys, ...]:
    """Return the keys of each partition, in the order of their numbers."""
    return tuple(Keys.of(number) for number in range(partitions))


def keys_of(identifier: str, partitions: int) -> Keys | None:
    """Return the keys where a ticket is, None when no ticket of ours can have this id."""
    try:
        partition = partition_of(identifier)
    except ValueError:
        return None
    return Keys.of(partition) if partition < partitions else None
