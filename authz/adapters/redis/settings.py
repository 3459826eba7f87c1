"""What the Redis adapter is told by the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

DAY_MS = 24 * 3_600_000
PARTITIONS_MAX = 64

# No partition knows what there is in the others.
_SHARED_OUT = (
    "max_open_total",
    "max_open_per_rule",
    "tickets_per_minute",
    "tickets_per_minute_per_rule",
    "max_stored_bytes",
    "max_open_reviews",
)


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Times in milliseconds, bounds as counts.

    `url` is as address.py has it and may hold a password, so it stays out of `repr`.
    `timeout_ms` bounds a whole call: the wait for a connection, connecting, sending and the reply.
    `max_connections` serve calls; `blocking_connections` serve reads that wait, so that these starve nobody.
    A new ticket counts for all, for its requester and for its rule: while it is open (`max_open_…`), by pace
    (`tickets_per_minute…`), and its record and body for as long as they may be kept (`max_stored_bytes…`). Those for
    all and for a rule are for all partitions together. So do uses of break-glass: while their review is open
    (`max_open_reviews…`), and by pace (`break_glass_per_minute_per_requester`).
    `retention_ms` is how long an ended ticket can still be looked up, `body_retention_ms` how long the body of its
    request, and `longest_life_ms` how long a ticket may live before it ends. `consumer` names this process among the
    readers of the outbox and should be the same after a restart.
    `durability_asserted` says that the operator knows how this Redis persists and evicts where it doesn't tell.
    `replicas` is how many have to have a redemption, a vote or another decision before it is answered.
    `memory_watermark` is the percentage of maxmemory from which on there are no new tickets.
    """

    url: str = field(repr=False)
    timeout_ms: int = 100
    max_connections: int = 32
    blocking_connections: int = 8
    partitions: int = 1
    max_open_total: int = 10_000
    max_open_per_requester: int = 100
    max_open_per_rule: int = 5_000
    tickets_per_minute: int = 3_000
    tickets_per_minute_per_requester: int = 100
    tickets_per_minute_per_rule: int = 1_500
    max_stored_bytes: int = 1 << 30
    max_stored_bytes_per_requester: int = 1 << 27
    max_open_reviews: int = 5_000
    max_open_reviews_per_requester: int = 500
    break_glass_per_minute_per_requester: int = 60
    reject_cooldown_ms: int = 600_000
    retention_ms: int = 7 * DAY_MS
    body_retention_ms: int = DAY_MS
    longest_life_ms: int = 8 * DAY_MS
    lease_ms: int = 30_000
    consumer: str = "holdgate"
    durability_asserted: bool = False
    replicas: int = 0
    memory_watermark: int = 80

    def __post_init__(self) -> None:
        """Refuse what would be no bound at all. Raises ValueError."""
        if not 1 <= self.partitions <= PARTITIONS_MAX:
            msg = f"partitions is {self.partitions}; it must be 1 to {PARTITIONS_MAX}"
            raise ValueError(msg)
        for name in (
            "timeout_ms",
            "max_connections",
            "blocking_connections",
            "max_open_total",
            "max_open_per_requester",
            "max_open_per_rule",
            "tickets_per_minute",
            "tickets_per_minute_per_requester",
            "tickets_per_minute_per_rule",
            "max_stored_bytes",
            "max_stored_bytes_per_requester",
            "max_open_reviews",
            "max_open_reviews_per_requester",
            "break_glass_per_minute_per_requester",
            "retention_ms",
            "lease_ms",
        ):
            if getattr(self, name) < 1:
                msg = f"{name} is {getattr(self, name)}; it must be at least 1"
                raise ValueError(msg)

    @property
    def share(self) -> RedisSettings:
        """The same for one partition, with its share of each bound on what requesters of all partitions have."""
        shares = {name: max(1, getattr(self, name) // self.partitions) for name in _SHARED_OUT}
        return replace(self, **shares)
