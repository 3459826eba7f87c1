"""What is counted and logged of breakers, storms and notices that wait."""

from __future__ import annotations

from structlog.testing import capture_logs

from authz.adapters.telemetry.delivery_observer import NotifierObserver
from authz.adapters.telemetry.guard_observer import GuardObserver
from authz.adapters.telemetry.metrics import Metrics
from authz.domain.events import EventType
from authz.services.ports import DeliveryDelayed, Notice

NOTICE = Notice("0:1-1", EventType.TICKET_CREATED, "0-a", 1, 1)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_channel_that_is_left_alone_is_an_error_and_a_gauge_until_it_works_again() -> None:
    metrics = Metrics()
    with capture_logs() as logs:
        observer = GuardObserver(metrics)
        observer.circuit_closed("ops")  # as at the start
        assert value(metrics, "holdgate_channel_circuit_open", channel="ops") == 0
        observer.circuit_opened("ops", 4.25, "the webhook answered 503")
        assert value(metrics, "holdgate_channel_circuit_open", channel="ops") == 1
        observer.circuit_closed("ops")
    assert value(metrics, "holdgate_channel_circuit_open", channel="ops") == 0
    assert [(one["log_level"], one["event"]) for one in logs] == [
        ("error", "channel.circuit_opened"),
        ("info", "channel.circuit_closed"),
    ]
    assert logs[0]["why"] == "the webhook answered 503"


def test_a_storm_is_counted_and_told() -> None:
    metrics = Metrics()
    with capture_logs() as logs:
        observer = GuardObserver(metrics)
        observer.digested("ops")
        observer.digested("ops")
        observer.digest_told("ops", 37)
    assert value(metrics, "holdgate_storm_tickets_total", channel="ops") == 2
    assert value(metrics, "holdgate_storm_waiting", channel="ops") == 37
    assert [(one["event"], one["waiting"]) for one in logs] == [("channel.storm", 37)]


def test_what_was_not_even_tried_is_no_failure() -> None:
    """Of an open breaker there would be a warning for every notice that waits, again and again."""
    metrics = Metrics()
    observer = NotifierObserver(metrics)
    with capture_logs() as logs:
        observer.failed(NOTICE, "ops", DeliveryDelayed("left alone", 4.0, tried=False))
        observer.failed(NOTICE, "ops", DeliveryDelayed("the webhook answered 503"))
    assert [(one["log_level"], one["event"]) for one in logs] == [
        ("debug", "notice.postponed"),
        ("warning", "notice.failed"),
    ]
    for result in ("postponed", "failed"):
        assert value(metrics, "holdgate_deliveries_total", channel="ops", result=result) == 1
