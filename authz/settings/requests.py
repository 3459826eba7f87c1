from __future__ import annotations

from pydantic import BaseModel, Field, field_validator

from authz.domain.approver import Approver
from authz.domain.duration import format_duration
from authz.domain.principal_source import PrincipalSource, parse_principal_source
from authz.setting_values import (
    Duration,
    HeldStatus,
    Names,
    Timeout,
    check_header_names,
    check_identities,
    check_sources,
    parse_approver,
)

_MOST_WAIT = 4 * 60_000


class RequestSettings(BaseModel):
    """Requests."""

    # Where the principal comes from, first that answers: `source.principal`, `metadata:NAMESPACE/CLAIM`, `policy`.
    principal_from: Names = ("source.principal",)
    # Principals that several people share, as `NS:ID` (percent-encoded): nothing of theirs can be held.
    shared_principals: Names = ()
    # Hold requests of nobody in particular too: of callers without a principal, and of shared ones. Each request then
    # gets a ticket of its own, one approval more is needed, and quotas count the source address.
    anonymous_holds: bool = False
    # Headers a ticket is bound to besides the fixed ones: every header that routes match on belongs here.
    bind_headers: Names = ()
    # What Envoy buffers of a body (`max_request_bytes`); 0 for nothing. A route's own number goes into its
    # `context_extensions.holdgate_body_limit`.
    body_limit: int = Field(65_536, ge=0, le=4 << 20)
    # The status of a hold, where the policy's `http_status` says nothing. Any 2xx is success to careless clients.
    held_status: HeldStatus = 202
    # Who approves where a rule names nobody: `group:NAME` or `any`. Each is one approval, and all are needed.
    # Whoever is one of them may also review what broke the glass.
    default_approvers: Names = ()
    # The longest `expires_in`, `remind_after` and `escalate.after` that a policy may demand; more is an error.
    max_expires_in: Timeout = 7 * 24 * 3_600_000
    # The longest `grant.valid_for`.
    max_valid_for: Timeout = 24 * 3_600_000
    # The longest `break_glass.review_within`.
    max_review_within: Timeout = 30 * 24 * 3_600_000
    # The longest time that a check stays open for the last vote, whether a rule's `wait` or a client's `Prefer: wait=N`
    # asks for it; at most `4m`, because Envoy gives up on a silent request after five minutes.
    max_wait: Timeout = 60_000
    # Checks of one worker that stay open at once; more are answered at once, with the hold. 0 for none.
    max_waiters: int = Field(1000, ge=0, le=100_000)
    # The same for each requester.
    max_waiters_per_requester: int = Field(20, ge=1)
    # The most `grant.uses`, and what a session has that names none.
    max_uses: int = Field(1000, ge=1, le=1_000_000)
    # The most approvals that one alternative of a demand may need.
    max_seats: int = Field(20, ge=1, le=100)
    # The longest text of a policy's: reasons, titles and values to show, names of groups, in characters.
    max_text: int = Field(500, ge=1, le=10_000)
    # The ways to sign in that are strong enough for `risk: high` (`demo`; `oidc` asks for the password again). Without
    # any such a demand is an error: nobody could approve it.
    strong_sign_in: Names = ()
    # How long before a vote on a high risk its voter may have signed in, by the time that Redis gives the vote. A
    # sign-in stamped by a clock that is ahead of Redis's counts as recent for as much longer; beyond a minute it isn't
    # taken.
    high_risk_sign_in_age: Duration = 5 * 60_000

    @field_validator("principal_from")
    @classmethod
    def _known_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_sources(value)

    @field_validator("default_approvers")
    @classmethod
    def _known_approvers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            parse_approver(entry)
        return value

    @field_validator("max_wait")
    @classmethod
    def _shorter_than_envoys_patience(cls, value: int) -> int:
        if value > _MOST_WAIT:
            msg = (
                f"must be at most {format_duration(_MOST_WAIT)}: Envoy gives up on a silent request after 5m"
            )
            raise ValueError(msg)
        return value

    @field_validator("bind_headers")
    @classmethod
    def _bindable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_header_names(value)

    @field_validator("shared_principals")
    @classmethod
    def _spelled_identities(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_identities(value)

    @property
    def sources(self) -> tuple[PrincipalSource, ...]:
        """The principal's sources in order."""
        return tuple(parse_principal_source(entry) for entry in self.principal_from)

    @property
    def approvers(self) -> tuple[Approver, ...]:
        """The default approvers."""
        return tuple(parse_approver(entry) for entry in self.default_approvers)
