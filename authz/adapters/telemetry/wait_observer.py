"""Tells metrics and logs how those fare who wait for a vote."""

from __future__ import annotations

import structlog

from authz.adapters.telemetry.metrics import Metrics
from authz.services.check.waiting import WaitEnd

log = structlog.get_logger("holdgate")


class WaitingObserver:
    """Both observers of waiting: those who wait, and the news they wait for."""

    def __init__(self, metrics: Metrics) -> None:
        """Nothing is subscribed yet."""
        self._metrics = metrics
        self._interrupted = False

    def waiting(self, number: int) -> None:
        """See WaitObserver."""
        self._metrics.waiters.set(number)

    def waited(self, end: WaitEnd, seconds: float) -> None:
        """See WaitObserver."""
        self._metrics.waits.labels(end.value).inc()
        if end is not WaitEnd.REFUSED:
            self._metrics.wait_seconds.observe(seconds)

    def subscribed(self) -> None:
        """See FeedObserver."""
        self._metrics.change_feed.set(1)
        if self._interrupted:
            log.info("changes.subscribed")
        self._interrupted = False

    def interrupted(self, error: Exception) -> None:
        """See FeedObserver. Said once for each outage."""
        self._metrics.change_feed.set(0)
        if not self._interrupted:
            log.warning(
                "changes.interrupted",
                problem=str(error),
                advice="requests that wait for a vote are released late until Redis tells of changes again",
            )
        self._interrupted = True


class StatusWaitingObserver(WaitingObserver):
    """The same for those who wait for the state of a ticket, in the console."""

    def waiting(self, number: int) -> None:
        """See WaitObserver."""
        self._metrics.status_waiters.set(number)
