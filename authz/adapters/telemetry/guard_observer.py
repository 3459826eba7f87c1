"""Tells metrics and logs when a channel is left alone, and when a digest stands for many tickets."""

from __future__ import annotations

import structlog

from authz.adapters.telemetry.metrics import Metrics

log = structlog.get_logger("holdgate.notifier")


class GuardObserver:
    """The observer of breakers and of storms."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._open: set[str] = set()

    def circuit_opened(self, channel: str, seconds: float, why: str) -> None:
        """See CircuitObserver."""
        self._open.add(channel)
        self._metrics.channel_open.labels(channel).set(1)
        log.error(
            "channel.circuit_opened",
            channel=channel,
            why=why,
            seconds=round(seconds, 1),
            advice="its notices wait and count no attempt meanwhile; see docs/notifications.md",
        )

    def circuit_closed(self, channel: str) -> None:
        """See CircuitObserver."""
        self._metrics.channel_open.labels(channel).set(0)
        if channel in self._open:
            self._open.remove(channel)
            log.info("channel.circuit_closed", channel=channel)

    def digested(self, channel: str) -> None:
        """See StormObserver."""
        self._metrics.digested.labels(channel).inc()

    def digest_told(self, channel: str, waiting: int) -> None:
        """See StormObserver."""
        self._metrics.digest_waiting.labels(channel).set(waiting)
        log.warning("channel.storm", channel=channel, waiting=waiting)
