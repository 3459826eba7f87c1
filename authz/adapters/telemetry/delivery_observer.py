"""Tells metrics and logs what the notifier does."""

from __future__ import annotations

import structlog

from authz.adapters.telemetry.metrics import Metrics
from authz.services.ports import ChannelFailed, DeliveryDelayed, Notice

log = structlog.get_logger("holdgate.notifier")


class NotifierObserver:
    """Both observers of the notifier: deliveries and deadlines. Errors are named by type; texts may hold secrets."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def posted(self, notice: Notice, channel: str, seconds: float) -> None:
        """See DeliveryObserver."""
        self._metrics.deliveries.labels(channel, "accepted").inc()
        self._metrics.delivery_seconds.labels(channel).observe(seconds)
        log.info("notice.posted", channel=channel, seconds=round(seconds, 3), **_of(notice))

    def failed(self, notice: Notice, channel: str, error: ChannelFailed) -> None:
        """See DeliveryObserver."""
        if isinstance(error, DeliveryDelayed) and not error.tried:
            # Of a pause, an open breaker or a storm, each of which is told once: not a line for every notice.
            self._metrics.deliveries.labels(channel, "postponed").inc()
            log.debug("notice.postponed", channel=channel, why=str(error), **_of(notice))
            return
        self._metrics.deliveries.labels(channel, "failed").inc()
        log.warning("notice.failed", channel=channel, error=str(error), **_of(notice))

    def buried(self, notice: Notice, why: str) -> None:
        """See DeliveryObserver."""
        self._metrics.dead_letters.inc()
        log.error(
            "notice.buried", why=why, advice="nobody was told; see docs/notifications.md", **_of(notice)
        )

    def unknown_route(self, notice: Notice, route: str) -> None:
        """See DeliveryObserver."""
        log.error("notice.unknown_route", route=route, used="default", **_of(notice))

    def directory_failed(self, notice: Notice, error: Exception) -> None:
        """See DeliveryObserver."""
        log.warning(
            "notice.nobody_mentioned",
            error=str(error),
            advice="people named by the rule are not mentioned; look at the directory",
            **_of(notice),
        )

    def crashed(self, notice: Notice, error: Exception) -> None:
        """See DeliveryObserver."""
        self._metrics.deliveries.labels("", "crashed").inc()
        log.error("notice.crashed", error=type(error).__name__, **_of(notice))

    def store_failed(self, doing: str, error: Exception) -> None:
        """See DeliveryObserver."""
        self._metrics.notifier_failures.labels(doing).inc()
        log.warning("notifier.store_failed", doing=doing, error=type(error).__name__)

    def expired(self, count: int) -> None:
        """See ExpiryObserver."""
        self._metrics.expired.inc(count)
        log.info("deadlines.passed", tickets=count)

    def expiry_failed(self, error: Exception) -> None:
        """See ExpiryObserver."""
        self._metrics.notifier_failures.labels("expire").inc()
        log.warning("notifier.store_failed", doing="expire", error=type(error).__name__)


def _of(notice: Notice) -> dict[str, object]:
    return {"event_type": notice.type.value, "ticket_id": notice.ticket_id, "attempt": notice.attempt}
