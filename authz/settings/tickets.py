from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr, field_validator

from authz.domain.token import TicketKey
from authz.setting_values import Duration, parse_keys


class TicketSettings(BaseModel):
    """Tickets."""

    # `NAME:BASE64URL`, at least 32 bytes each; the first signs, all verify. Needed by check and console.
    ticket_keys: SecretStr = SecretStr("")
    # How long an equal request is answered with the rejection it got.
    reject_cooldown: Duration = 10 * 60_000
    # How long a ticket is kept after its end, for the pages and the 403s that name it.
    ticket_retention: Duration = 7 * 24 * 3_600_000
    # How much of a body is kept with its ticket, for people to read. All of it is bound, whatever is kept.
    stored_body_bytes: int = Field(16_384, ge=0, le=1 << 20)
    # How long that is kept after the ticket's end; never longer than the ticket itself.
    body_retention: Duration = 24 * 3_600_000

    @field_validator("ticket_keys")
    @classmethod
    def _readable_keys(cls, value: SecretStr) -> SecretStr:
        parse_keys(value.get_secret_value())
        return value

    @property
    def keys(self) -> tuple[TicketKey, ...]:
        """The ticket keys, the signing one first."""
        return parse_keys(self.ticket_keys.get_secret_value())
