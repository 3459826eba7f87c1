"""The only place that wires: settings in, services out. Nothing in here decides anything."""

from authz.bootstrap.checking import (
    Judging,
    body_parser,
    break_glass_parser,
    check_service,
    judging,
    policy_service,
    requirement_limits,
    requirement_parser,
    status_waiting,
    ticket_status,
    token_mint,
    wait_limits,
)
from authz.bootstrap.deciding import (
    dead_letter_service,
    dead_letters,
    directory,
    reviewing_service,
    sign_in_rules,
    vote_rule,
    vote_rule_defined,
    voting_service,
)
from authz.bootstrap.envoy import envoy_plan
from authz.bootstrap.outside import Outside, change_feed, open_outside, redis_settings
from authz.bootstrap.signing_in import open_provider, session_store
from authz.bootstrap.telling import delivery, expiry

__all__ = [
    "Judging",
    "Outside",
    "body_parser",
    "break_glass_parser",
    "change_feed",
    "check_service",
    "dead_letter_service",
    "dead_letters",
    "delivery",
    "directory",
    "envoy_plan",
    "expiry",
    "judging",
    "open_outside",
    "open_provider",
    "policy_service",
    "redis_settings",
    "requirement_limits",
    "requirement_parser",
    "reviewing_service",
    "session_store",
    "sign_in_rules",
    "status_waiting",
    "ticket_status",
    "token_mint",
    "vote_rule",
    "vote_rule_defined",
    "voting_service",
    "wait_limits",
]
