from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import Metric

from authz.adapters.telemetry.metrics import Metrics
from tests.unit.check.test_failures import TABLE

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
ROWS = {
    name: (kind, labels, meaning)
    for name, kind, labels, meaning in re.findall(
        r"^\| `(holdgate_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$", PAGE, re.MULTILINE
    )
}
METRICS: list[Metric] = list(Metrics().registry.collect())


def labels(metric: Metric) -> tuple[str, ...]:
    """Return the names of an instrument's labels, which Prometheus tells only of values that exist."""
    instrument = next(one for one in vars(Metrics()).values() if getattr(one, "_name", "") == metric.name)
    return tuple(instrument._labelnames)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_on_the_page(metric: Metric) -> None:
    """With its kind, its labels and its own words."""
    named = f"{metric.name}_total" if metric.type == "counter" else metric.name
    kind, shown, meaning = ROWS[named]
    assert kind == metric.type
    assert shown == ", ".join(f"`{label}`" for label in labels(metric))
    assert meaning == metric.documentation


def test_no_other_metric_is_on_the_page() -> None:
    """An alert on one that isn't there would never fire."""
    known = {f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in METRICS}
    assert ROWS.keys() == known
    watched = PAGE.partition("### What to watch")[2].partition("The labels of")[0]
    assert set(re.findall(r"holdgate_\w+", watched)) <= known


def test_every_word_for_an_error_is_on_the_page() -> None:
    """With the status that the client gets."""
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| (\d{3}) \|$", PAGE, re.MULTILINE))
    # No check asks what has no name, or the identity provider.
    never = {"unknown_unavailable", "oidc_unavailable"}
    words = {word: str(status) for _, status, word, _ in TABLE if word not in never}
    assert rows == words
