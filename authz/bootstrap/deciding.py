"""What decides on tickets and reviews, and who may."""

from __future__ import annotations

from authz.adapters.opa.directory import OpaDirectory
from authz.adapters.opa.vote_rule import OpaVoteRule
from authz.adapters.redis.dead_letters import RedisDeadLetters
from authz.adapters.telemetry.vote_log import VoteLog
from authz.bootstrap.outside import Outside, redis_settings
from authz.domain.approver import ApproverKind
from authz.domain.sign_in import SignInRules
from authz.services.dead_letters import DeadLetterService
from authz.services.permissions import BuiltInRule, VoteRule
from authz.services.reviewing import ReviewingService
from authz.services.voting import VotingService
from authz.settings import Settings

_MS = 1000


def directory(settings: Settings, outside: Outside) -> OpaDirectory:
    """Return the directory of persons."""
    return OpaDirectory(outside.opa, settings.opa_directory_path)


def vote_rule(settings: Settings, outside: Outside) -> VoteRule:
    """Return the operator's rule about who may act, the built-in one where there is none."""
    if not settings.opa_vote_path:
        return BuiltInRule(
            frozenset(one.group for one in settings.approvers if one.kind is ApproverKind.GROUP)
        )
    return OpaVoteRule(outside.opa, settings.opa_vote_path)


async def vote_rule_defined(settings: Settings, outside: Outside, timeout: float) -> bool:
    """Say whether the operator's rule has an answer. Raises PolicyUnavailable and PolicyMalformed."""
    return await OpaVoteRule(outside.opa, settings.opa_vote_path).defined(timeout)


def sign_in_rules(settings: Settings) -> SignInRules:
    """Return what a high risk asks of a vote."""
    return SignInRules(frozenset(settings.strong_sign_in), settings.high_risk_sign_in_age)


def voting_service(settings: Settings, outside: Outside, *, least_timeout: float = 1.0) -> VotingService:
    """Return the service that takes votes. People wait longer than Envoy does, so OPA gets more time for them."""
    return VotingService(
        outside.store,
        directory(settings, outside),
        vote_rule(settings, outside),
        sign_in_rules(settings),
        timeout=max(least_timeout, settings.opa_timeout / _MS),
        observer=VoteLog(),
    )


def dead_letters(settings: Settings, outside: Outside) -> RedisDeadLetters:
    """Return the notices that were given up."""
    return RedisDeadLetters(outside.store, redis_settings(settings))


def dead_letter_service(settings: Settings, outside: Outside) -> DeadLetterService:
    """Return the service that shows notices that were given up, and sends them again."""
    return DeadLetterService(
        dead_letters(settings, outside),
        vote_rule(settings, outside),
        timeout=max(1.0, settings.opa_timeout / _MS),
    )


def reviewing_service(settings: Settings, outside: Outside) -> ReviewingService:
    """Return the service that takes the reviews of break-glass."""
    return ReviewingService(
        outside.reviews,
        vote_rule(settings, outside),
        settings.approvers,
        timeout=max(1.0, settings.opa_timeout / _MS),
    )
