"""Prometheus metrics, all of them in one place; docs/operations.md lists them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from authz.domain.answer import Kind

# Around Envoy's default timeout of 200 ms, in seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
# People's time.
_WAIT_BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 240.0)


class Metrics:
    """The instruments of one process, on a registry of their own."""

    def __init__(self) -> None:
        """Register every instrument."""
        self.registry = CollectorRegistry()
        self.checks = Counter(
            "holdgate_checks", "Checks answered, by decision.", ["decision"], registry=self.registry
        )
        self.check_seconds = Histogram(
            "holdgate_check_duration_seconds",
            "Time from a check's arrival to its answer.",
            ["decision"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.checks_in_flight = Gauge(
            "holdgate_checks_in_flight", "Checks being judged now.", registry=self.registry
        )
        self.check_limit = Gauge(
            "holdgate_checks_in_flight_limit", "HOLDGATE_MAX_CONCURRENT_CHECKS.", registry=self.registry
        )
        self.checks_shed = Counter(
            "holdgate_checks_shed",
            "Checks refused because HOLDGATE_MAX_CONCURRENT_CHECKS were being judged.",
            registry=self.registry,
        )
        self.waiters = Gauge(
            "holdgate_waiters", "Requests that wait here for the last vote now.", registry=self.registry
        )
        self.status_waiters = Gauge(
            "holdgate_status_waiters",
            "Requests for the state of a ticket that wait here for the last vote now.",
            registry=self.registry,
        )
        self.waiter_limit = Gauge("holdgate_waiters_limit", "HOLDGATE_MAX_WAITERS.", registry=self.registry)
        self.waits = Counter(
            "holdgate_waits",
            "Waits for the last vote that ended, by how; refused ones were over the bounds.",
            ["end"],
            registry=self.registry,
        )
        self.wait_seconds = Histogram(
            "holdgate_wait_duration_seconds",
            "Time that a request waited for the last vote.",
            buckets=_WAIT_BUCKETS,
            registry=self.registry,
        )
        self.change_feed = Gauge(
            "holdgate_change_feed_subscribed",
            "1 while Redis tells this process at once what happens to tickets.",
            registry=self.registry,
        )
        self.tls_refusals = Counter(
            "holdgate_tls_unlisted_callers",
            "Calls refused because the certificate is not in HOLDGATE_GRPC_CLIENT_IDENTITIES.",
            registry=self.registry,
        )
        self.tls_reloads = Counter(
            "holdgate_tls_reloads",
            "Changes of the certificate files, by whether they were taken or refused.",
            ["result"],
            registry=self.registry,
        )
        self.tls_reload_failing = Gauge(
            "holdgate_tls_reload_failing",
            "1 while the certificate files can't be used and older ones are.",
            registry=self.registry,
        )
        self.tls_expiry = Gauge(
            "holdgate_tls_expiry_timestamp_seconds",
            "When the first certificate in use ends: the server's with its chain, or the callers' CAs.",
            ["use"],
            registry=self.registry,
        )
        self.dry_run = Gauge(
            "holdgate_dry_run", "1 while HOLDGATE_DRY_RUN lets everything through.", registry=self.registry
        )
        self.redis_connections = Gauge(
            "holdgate_redis_connections", "Open connections of calls to Redis.", registry=self.registry
        )
        self.redis_connection_limit = Gauge(
            "holdgate_redis_connections_limit",
            "HOLDGATE_REDIS_CONNECTIONS: as many to each node.",
            registry=self.registry,
        )
        self.redis_memory = Gauge(
            "holdgate_redis_memory_used_ratio",
            "Share of Redis's maxmemory in use on the fullest node, as read before the last new ticket.",
            registry=self.registry,
        )
        self.redis_watermark = Gauge(
            "holdgate_redis_memory_watermark_ratio",
            "HOLDGATE_REDIS_MEMORY_WATERMARK: from this share on nothing new is held.",
            registry=self.registry,
        )
        self.errors = Counter(
            "holdgate_check_errors",
            "Checks that ended in an error answer, by its kind.",
            ["error"],
            registry=self.registry,
        )
        self.policy_errors = Counter(
            "holdgate_policy_errors",
            "Answers of the policy that could not be obeyed: somebody has to mend the policy.",
            registry=self.registry,
        )
        self.deliveries = Counter(
            "holdgate_deliveries",
            "Notices given to channels, by channel and result.",
            ["channel", "result"],
            registry=self.registry,
        )
        self.delivery_seconds = Histogram(
            "holdgate_delivery_duration_seconds",
            "Time that a channel took to accept a notice.",
            ["channel"],
            registry=self.registry,
        )
        self.dead_letters = Counter(
            "holdgate_dead_letters", "Notices given up on: somebody was not told.", registry=self.registry
        )
        self.channel_open = Gauge(
            "holdgate_channel_circuit_open",
            "1 while a channel is left alone because it failed again and again.",
            ["channel"],
            registry=self.registry,
        )
        self.digested = Counter(
            "holdgate_storm_tickets",
            "Tickets that got no card in a channel because too many came at once; a digest counts them.",
            ["channel"],
            registry=self.registry,
        )
        self.digest_waiting = Gauge(
            "holdgate_storm_waiting",
            "Tickets that wait without a card, as this process's last digest said.",
            ["channel"],
            registry=self.registry,
        )
        self.deliveries_in_hand = Gauge(
            "holdgate_deliveries_in_hand", "Notices being delivered now.", registry=self.registry
        )
        self.delivery_limit = Gauge(
            "holdgate_deliveries_in_hand_limit",
            "HOLDGATE_DELIVERIES_AT_ONCE, or two for each channel where that is more.",
            registry=self.registry,
        )
        self.chat_in_hand = Gauge(
            "holdgate_chat_in_hand",
            "Messages and presses from a chat that are worked on now.",
            ["chat"],
            registry=self.registry,
        )
        self.chat_limit = Gauge(
            "holdgate_chat_in_hand_limit", "HOLDGATE_CHAT_MESSAGES.", registry=self.registry
        )
        self.chat_turned_away = Counter(
            "holdgate_chat_turned_away",
            "Messages and presses from a chat that were turned away because of HOLDGATE_CHAT_MESSAGES.",
            ["chat"],
            registry=self.registry,
        )
        self.slack_unconnected = Gauge(
            "holdgate_slack_unconnected",
            "Slack apps that this process should be connected to, and isn't now.",
            registry=self.registry,
        )
        self.expired = Counter(
            "holdgate_deadlines_passed", "Tickets and grants ended by their deadline.", registry=self.registry
        )
        self.notifier_failures = Counter(
            "holdgate_notifier_failures",
            "Times the notifier could not reach its store, by what it did.",
            ["doing"],
            registry=self.registry,
        )

        # Looking a label up costs more than counting, and this is done on every check.
        self._answered = {
            kind: (self.checks.labels(kind.value), self.check_seconds.labels(kind.value)) for kind in Kind
        }

    @contextmanager
    def not_in_flight(self) -> Iterator[None]:
        """Don't count a check as being judged while it waits for people."""
        self.checks_in_flight.dec()
        try:
            yield
        finally:
            self.checks_in_flight.inc()

    def answered(self, kind: Kind, seconds: float) -> None:
        """Count one answered check and the time it took."""
        checks, duration = self._answered[kind]
        checks.inc()
        duration.observe(seconds)

    def text(self) -> bytes:
        """Return all of them in the Prometheus text format."""
        return generate_latest(self.registry)
