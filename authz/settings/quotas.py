from __future__ import annotations

from pydantic import BaseModel, Field


class QuotaSettings(BaseModel):
    """Quotas."""

    # Tickets that may wait for a decision at once, in all. More are answered with 429. Each partition has its share.
    max_open_tickets: int = Field(10_000, ge=1)
    # The same for each requester.
    max_open_tickets_per_requester: int = Field(100, ge=1)
    # The same for each rule.
    max_open_tickets_per_rule: int = Field(5_000, ge=1)
    # New tickets in a minute, in all. A minute's worth may come at once; more are answered with 429.
    tickets_per_minute: int = Field(3_000, ge=1, le=1_000_000)
    # The same for each requester.
    tickets_per_minute_per_requester: int = Field(100, ge=1, le=1_000_000)
    # The same for each rule.
    tickets_per_minute_per_rule: int = Field(1_500, ge=1, le=1_000_000)
    # Bytes of tickets and bodies in Redis at once, in all, each counted for as long as it may be kept.
    max_stored_bytes: int = Field(1 << 30, ge=1 << 20)
    # The same for each requester.
    max_stored_bytes_per_requester: int = Field(1 << 27, ge=1 << 20)
    # Uses of break-glass that nobody has reviewed, in all. More are refused with 429. Each partition has its share.
    max_open_reviews: int = Field(5_000, ge=1)
    # The same for each requester.
    max_open_reviews_per_requester: int = Field(500, ge=1)
    # Uses of break-glass in a minute, for each requester. A minute's worth may come at once; more are refused with 429.
    break_glass_per_minute_per_requester: int = Field(60, ge=1, le=1_000_000)
