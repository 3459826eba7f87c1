"""What judges checks, and tells of their tickets."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from authz.adapters.envoy.grpc_body import GrpcBodies
from authz.adapters.envoy.request_body import BodyParser
from authz.adapters.opa.policy_engine import OpaPolicyEngine
from authz.adapters.telemetry.metrics import Metrics
from authz.adapters.telemetry.wait_observer import StatusWaitingObserver, WaitingObserver
from authz.bootstrap.deciding import directory, sign_in_rules, vote_rule, voting_service
from authz.bootstrap.outside import Outside
from authz.domain.break_glass import BreakGlassParser
from authz.domain.errors import SettingsInvalid
from authz.domain.fingerprint import always_bound
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from authz.domain.token import TokenMint
from authz.services.check.breaking_glass import BreakingGlass
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.drafting import Drafting, HoldTerms
from authz.services.check.dry_run import DryRun
from authz.services.check.holding import Holding
from authz.services.check.own_resources import OwnResources
from authz.services.check.policy import Policy
from authz.services.check.redeeming import Redeeming
from authz.services.check.requesters import Requesters
from authz.services.check.service import CheckService
from authz.services.check.sufficiency import Sufficiency
from authz.services.check.superseding import Superseding
from authz.services.check.taking_back import TakingBack
from authz.services.check.telling import Telling
from authz.services.check.waiting import Waiting, WaitLimits
from authz.services.status_waiting import StatusWaiting
from authz.services.ticket_status import TicketStatus
from authz.settings import Settings

_MS = 1000


def token_mint(settings: Settings) -> TokenMint:
    """Return the mint. Raises SettingsInvalid when there is no key."""
    if not settings.keys:
        make_one = "echo k1:$(openssl rand -base64 32 | tr '+/' '-_')"
        raise SettingsInvalid([f"HOLDGATE_TICKET_KEYS: needed, as NAME:BASE64URL; make one with: {make_one}"])
    return TokenMint(settings.keys)


def body_parser(settings: Settings) -> BodyParser | None:
    """Return what parses bodies for the policy; None where they are not to be parsed. Raises SettingsInvalid."""
    if settings.skip_body_parse:
        return None
    path = settings.proto_descriptor
    if not path:
        return BodyParser()
    try:
        return BodyParser(GrpcBodies(Path(path).read_bytes()))
    except OSError as error:
        raise SettingsInvalid([f"HOLDGATE_PROTO_DESCRIPTOR: {path!r} can't be read: {error}"]) from error


@dataclass(frozen=True, slots=True)
class Judging:
    """What judges checks, and what keeps those open that are to wait; None where none is."""

    check: Callable[[CheckCall], Awaitable[Outcome]]
    waiting: Waiting | None = None


def judging(settings: Settings, outside: Outside, metrics: Metrics) -> Judging:
    """Return the service behind the check server, or in a dry run what only tells how it would be."""
    if settings.dry_run:
        return Judging(DryRun(policy_service(settings, outside), requirement_parser(settings)).check)
    service = check_service(settings, outside)
    if not settings.max_waiters:
        return Judging(service.check)
    waiting = Waiting(service.again, outside.changes, wait_limits(settings), WaitingObserver(metrics))
    return Judging(service.check, waiting)


def wait_limits(settings: Settings) -> WaitLimits:
    """Return how long and how many may wait."""
    return WaitLimits(
        longest=settings.max_wait / _MS,
        judging=settings.check_timeout / _MS,
        waiters=settings.max_waiters,
        per_requester=settings.max_waiters_per_requester,
    )


def policy_service(settings: Settings, outside: Outside) -> Policy:
    """Return what asks the policy about checks."""
    engine = OpaPolicyEngine(outside.opa, settings.opa_decision_path)
    return Policy(engine, timeout=settings.opa_timeout / _MS)


def requirement_limits(settings: Settings) -> RequirementLimits:
    """Return how much a policy may demand."""
    return RequirementLimits(
        expires_in_ms=settings.max_expires_in,
        valid_for_ms=settings.max_valid_for,
        review_within_ms=settings.max_review_within,
        wait_ms=settings.max_wait,
        uses=settings.max_uses,
        seats=settings.max_seats,
        text=settings.max_text,
        high_risk=bool(settings.strong_sign_in),
    )


def requirement_parser(settings: Settings) -> RequirementParser:
    """Return what reads the demands of holds."""
    defaults = RequirementDefaults(approvers=settings.approvers)
    return RequirementParser(defaults, requirement_limits(settings), frozenset(settings.routes))


def break_glass_parser(settings: Settings) -> BreakGlassParser:
    """Return what reads the terms of break-glass."""
    return BreakGlassParser(requirement_limits(settings), frozenset(settings.routes))


def check_service(settings: Settings, outside: Outside) -> CheckService:
    """Return the service behind the check server."""
    policy = policy_service(settings, outside)
    parser = requirement_parser(settings)
    mint = token_mint(settings)
    requesters = Requesters(
        settings.sources, frozenset(settings.shared_principals), anonymous=settings.anonymous_holds
    )
    terms = HoldTerms(
        decision_path=settings.opa_decision_path,
        bound_headers=always_bound(settings.bind_headers),
        held_status=settings.held_status,
        stored_body_bytes=settings.stored_body_bytes,
        public_url=settings.public_url,
        directory_timeout=settings.opa_timeout / _MS,
        entropy=os.urandom,
        partitions=settings.redis_partitions,
    )
    drafting = Drafting(directory(settings, outside), vote_rule(settings, outside), requesters, terms)
    holding = Holding(outside.store, drafting, mint, parser, settings.public_url)
    breaking_glass = BreakingGlass(outside.reviews, drafting, requesters, break_glass_parser(settings), terms)
    telling = Telling(outside.store, mint, settings.public_url)
    redeeming = Redeeming(
        outside.store,
        policy,
        mint,
        parser,
        requesters,
        breaking_glass,
        Sufficiency(drafting, sign_in_rules(settings)),
        Superseding(outside.store, holding, telling),
        telling,
        terms.decision_path,
    )
    own_resources = OwnResources(
        ticket_status(settings, outside),
        TakingBack(
            outside.store,
            policy,
            requesters,
            voting_service(settings, outside, least_timeout=0),
            settings.public_url,
        ),
    )
    return CheckService(policy, holding, redeeming, breaking_glass, own_resources)


def ticket_status(settings: Settings, outside: Outside) -> TicketStatus:
    """Return what tells the state of tickets to those who show their tokens."""
    return TicketStatus(outside.store, token_mint(settings), settings.public_url)


def status_waiting(settings: Settings, outside: Outside, metrics: Metrics) -> StatusWaiting:
    """Return what waits with those who ask for the state of a ticket."""
    status, observer = ticket_status(settings, outside), StatusWaitingObserver(metrics)
    return StatusWaiting(status, outside.changes, wait_limits(settings), observer)
