"""What a process has open to the outside: OPA, Redis, webhooks."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from authz.adapters.bot_framework.connector import Connector
from authz.adapters.http_post.client import webhook_client
from authz.adapters.opa.client import OpaClient
from authz.adapters.redis.address import parse_address
from authz.adapters.redis.change_feed import ChangeFeed
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.adapters.telemetry.metrics import Metrics
from authz.adapters.telemetry.wait_observer import WaitingObserver
from authz.domain.errors import SettingsInvalid
from authz.services.changes import Changes
from authz.settings import Settings


@dataclass(frozen=True, slots=True)
class Outside:
    """The open connections of one process. They close when `open_outside` is left, and so does what is in `closing`.

    `connectors` are the bots' in Teams by app id, made by those who need one first.
    """

    opa: OpaClient
    store: RedisTicketStore
    reviews: RedisReviewStore
    outbox: RedisOutbox
    webhooks: httpx.AsyncClient
    changes: Changes
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    connectors: dict[str, Connector] = field(default_factory=dict)


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
        client = webhook_client(connections=deliveries_at_once(settings))
        webhooks = await stack.enter_async_context(client)
        yield Outside(opa, store, RedisReviewStore(store, redis), outbox, webhooks, Changes(), stack)


def deliveries_at_once(settings: Settings) -> int:
    """Return how many notices a notifier has in hand: two for each channel at least, or all wait for all others."""
    return max(settings.deliveries_at_once, 2 * len(settings.channels))


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
        longest_life_ms=settings.max_expires_in + settings.max_valid_for,
        lease_ms=settings.delivery_lease,
        consumer=f"{socket.gethostname()}-{settings.metrics_listen}",
        durability_asserted=settings.redis_durability_asserted,
        replicas=settings.redis_replicas,
        memory_watermark=settings.redis_memory_watermark,
    )


def change_feed(outside: Outside, metrics: Metrics) -> ChangeFeed:
    """Return what brings news of tickets to those in this process who wait."""
    return ChangeFeed(outside.store.waiting, outside.changes, WaitingObserver(metrics))
