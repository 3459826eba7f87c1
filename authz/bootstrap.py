"""The only place that wires: settings in, services out. Nothing here decides anything."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from authz.adapters.envoy.grpc_body import GrpcBodies
from authz.adapters.envoy.request_body import BodyParser
from authz.adapters.envoy_config.endpoint import parse_endpoint
from authz.adapters.envoy_config.plan import ClientTls, EnvoyPlan, JwtProvider
from authz.adapters.envoy_config.wait_plan import WaitPlan
from authz.adapters.opa.client import OpaClient
from authz.adapters.opa.directory import OpaDirectory
from authz.adapters.opa.policy_engine import OpaPolicyEngine
from authz.adapters.opa.vote_rule import OpaVoteRule
from authz.adapters.redis.address import parse_address
from authz.adapters.redis.change_feed import ChangeFeed
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.adapters.teams.workflows import WorkflowsChannel, WorkflowsSettings, webhook_client
from authz.adapters.telemetry.delivery_observer import NotifierObserver
from authz.adapters.telemetry.metrics import Metrics
from authz.adapters.telemetry.wait_observer import StatusWaitingObserver, WaitingObserver
from authz.domain.break_glass import BreakGlassParser
from authz.domain.errors import SettingsInvalid
from authz.domain.fingerprint import always_bound
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from authz.domain.sign_in import SignInRules
from authz.domain.token import TokenMint
from authz.services.changes import Changes
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
from authz.services.delivery import Delivery, DeliverySettings, Routes
from authz.services.expiry import Expiry, ExpirySettings
from authz.services.permissions import BuiltInRule, VoteRule
from authz.services.reviewing import ReviewingService
from authz.services.status_waiting import StatusWaiting
from authz.services.ticket_status import TicketStatus
from authz.services.voting import VotingService
from authz.setting_listeners import is_unspecified
from authz.settings import Settings

_MS = 1000


@dataclass(frozen=True, slots=True)
class Outside:
    """The open connections of one process. They close when `open_outside` is left."""

    opa: OpaClient
    store: RedisTicketStore
    reviews: RedisReviewStore
    outbox: RedisOutbox
    webhooks: httpx.AsyncClient
    changes: Changes


@asynccontextmanager
async def open_outside(settings: Settings) -> AsyncIterator[Outside]:
    """Open clients for OPA, Redis and webhooks; nothing is asked of them yet."""
    async with AsyncExitStack() as stack:
        opa = OpaClient(
            settings.opa_url,
            connections=settings.opa_connections,
            max_answer_bytes=settings.opa_max_answer_bytes,
        )
        await stack.enter_async_context(opa)
        redis = redis_settings(settings)
        store = RedisTicketStore(redis)
        stack.push_async_callback(store.aclose)
        outbox = RedisOutbox(redis)
        stack.push_async_callback(outbox.aclose)
        webhooks = await stack.enter_async_context(webhook_client())
        yield Outside(opa, store, RedisReviewStore(store, redis), outbox, webhooks, Changes())


def redis_settings(settings: Settings) -> RedisSettings:
    """Return what the Redis adapter needs of the settings. Raises SettingsInvalid."""
    url = settings.redis_url.get_secret_value()
    try:
        parse_address(url)
    except ValueError as error:
        raise SettingsInvalid([f"HOLDGATE_REDIS_URL: {error}"]) from None
    return RedisSettings(
        url=url,
        timeout_ms=settings.redis_timeout,
        max_connections=settings.redis_connections,
        partitions=settings.redis_partitions,
        max_open_total=settings.max_open_tickets,
        max_open_per_requester=settings.max_open_tickets_per_requester,
        max_open_per_rule=settings.max_open_tickets_per_rule,
        tickets_per_minute=settings.tickets_per_minute,
        tickets_per_minute_per_requester=settings.tickets_per_minute_per_requester,
        tickets_per_minute_per_rule=settings.tickets_per_minute_per_rule,
        max_stored_bytes=settings.max_stored_bytes,
        max_stored_bytes_per_requester=settings.max_stored_bytes_per_requester,
        max_open_reviews=settings.max_open_reviews,
        max_open_reviews_per_requester=settings.max_open_reviews_per_requester,
        break_glass_per_minute_per_requester=settings.break_glass_per_minute_per_requester,
        reject_cooldown_ms=settings.reject_cooldown,
        retention_ms=settings.ticket_retention,
        body_retention_ms=settings.body_retention,
        lease_ms=settings.delivery_lease,
        consumer=f"{socket.gethostname()}-{settings.metrics_listen}",
        durability_asserted=settings.redis_durability_asserted,
        replicas=settings.redis_replicas,
        memory_watermark=settings.redis_memory_watermark,
    )


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


def change_feed(outside: Outside, metrics: Metrics) -> ChangeFeed:
    """Return what brings news of tickets to those in this process who wait."""
    return ChangeFeed(outside.store.waiting, outside.changes, WaitingObserver(metrics))


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


def directory(settings: Settings, outside: Outside) -> OpaDirectory:
    """Return the directory of persons."""
    return OpaDirectory(outside.opa, settings.opa_directory_path)


def voting_service(settings: Settings, outside: Outside, *, least_timeout: float = 1.0) -> VotingService:
    """Return the service that takes votes. People wait longer than Envoy does, so OPA gets more time for them."""
    return VotingService(
        outside.store,
        directory(settings, outside),
        vote_rule(settings, outside),
        sign_in_rules(settings),
        timeout=max(least_timeout, settings.opa_timeout / _MS),
    )


def vote_rule(settings: Settings, outside: Outside) -> VoteRule:
    """Return the operator's rule about who may act, the built-in one where there is none."""
    if not settings.opa_vote_path:
        return BuiltInRule()
    return OpaVoteRule(outside.opa, settings.opa_vote_path)


async def vote_rule_defined(settings: Settings, outside: Outside, timeout: float) -> bool:
    """Say whether the operator's rule has an answer. Raises PolicyUnavailable and PolicyMalformed."""
    return await OpaVoteRule(outside.opa, settings.opa_vote_path).defined(timeout)


def reviewing_service(settings: Settings, outside: Outside) -> ReviewingService:
    """Return the service that takes the reviews of break-glass."""
    return ReviewingService(
        outside.reviews,
        vote_rule(settings, outside),
        settings.approvers,
        timeout=max(1.0, settings.opa_timeout / _MS),
    )


def sign_in_rules(settings: Settings) -> SignInRules:
    """Return what a high risk asks of a vote."""
    return SignInRules(frozenset(settings.strong_sign_in), settings.high_risk_sign_in_age)


def delivery(settings: Settings, outside: Outside, metrics: Metrics) -> Delivery:
    """Return the worker that posts notices to channels."""
    workflows = WorkflowsSettings(public_url=settings.public_url)
    channels = {
        name: WorkflowsChannel(outside.webhooks, channel.url.get_secret_value(), workflows)
        for name, channel in settings.channels.items()
    }
    try:
        routes = Routes(channels, settings.routes)
    except ValueError as error:
        raise SettingsInvalid([f"HOLDGATE_ROUTES: {error}"]) from error
    return Delivery(
        outside.outbox,
        outside.store,
        outside.reviews,
        routes,
        NotifierObserver(metrics),
        DeliverySettings(attempts=settings.delivery_attempts, lease_s=settings.delivery_lease / _MS),
    )


def expiry(outside: Outside, metrics: Metrics) -> Expiry:
    """Return the loop that ends what nobody decided in time."""
    return Expiry(outside.store, NotifierObserver(metrics), ExpirySettings())


def envoy_plan(settings: Settings) -> EnvoyPlan:
    """Return the plan for Envoy's configuration, from the same settings as the servers'.

    Raises SettingsInvalid with every problem.
    """
    check_tls = _check_tls(settings)
    if not settings.check_endpoints and is_unspecified(settings.grpc_listen):
        why = f"HOLDGATE_GRPC_LISTEN={settings.grpc_listen} doesn't say how Envoy reaches the check servers"
        raise SettingsInvalid([f"HOLDGATE_CHECK_ENDPOINTS: needed, because {why}"])
    check = tuple(parse_endpoint(text) for text in settings.check_endpoints or settings.check_listens)
    return EnvoyPlan(
        listen=parse_endpoint(settings.envoy_listen),
        admin=parse_endpoint(settings.envoy_admin),
        check=check,
        console=parse_endpoint(settings.console_listen),
        upstream=parse_endpoint(settings.envoy_upstream),
        check_timeout=settings.check_timeout / _MS,
        body_limit=settings.body_limit,
        grpc_max_message=settings.max_check_bytes,
        # More than the servers take would only be shed there, after Envoy has sent it.
        max_checks=settings.max_concurrent_checks * len(check),
        wait=_wait_plan(settings, len(check)),
        metadata_namespaces=tuple(
            dict.fromkeys(source.namespace for source in settings.sources if source.namespace)
        ),
        jwt=_jwt_provider(settings),
        check_tls=check_tls,
        cors_origins=settings.envoy_cors_origins,
    )


def _check_tls(settings: Settings) -> ClientTls | None:
    """Return how Envoy and the check servers prove themselves to each other: all of it, or nothing."""
    given = {
        "HOLDGATE_ENVOY_CHECK_TLS_CERT": settings.envoy_check_tls_cert,
        "HOLDGATE_ENVOY_CHECK_TLS_KEY": settings.envoy_check_tls_key,
        "HOLDGATE_ENVOY_CHECK_TLS_CA": settings.envoy_check_tls_ca,
        "HOLDGATE_ENVOY_CHECK_TLS_SERVER_NAME": settings.envoy_check_tls_server_name,
    }
    if not any(given.values()) and not settings.grpc_tls_cert:
        return None
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise SettingsInvalid([f"{name}: needed for mutual TLS with the check servers" for name in missing])
    certificate, private_key, trusted_ca, server_name = given.values()
    return ClientTls(
        certificate=certificate, private_key=private_key, trusted_ca=trusted_ca, server_name=server_name
    )


def _wait_plan(settings: Settings, workers: int) -> WaitPlan | None:
    if not settings.max_waiters:
        return None
    return WaitPlan(
        longest=settings.max_wait / _MS,
        waiters=settings.max_waiters * workers,
        prefixes=settings.envoy_wait_prefixes,
    )


def _jwt_provider(settings: Settings) -> JwtProvider | None:
    if not settings.envoy_jwt_issuer:
        return None
    try:
        jwks = Path(settings.envoy_jwt_jwks_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            [f"HOLDGATE_ENVOY_JWT_JWKS_FILE: {settings.envoy_jwt_jwks_file!r} can't be read: {error}"]
        ) from error
    return JwtProvider(issuer=settings.envoy_jwt_issuer, audiences=settings.envoy_jwt_audiences, jwks=jwks)
