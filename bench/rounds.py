"""The arithmetic of repeated measurements: medians, and how far the rounds lay apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of some rounds, the lowest and the highest."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.low)}-{_short(self.high)})"


def figure(values: Sequence[float]) -> Figure:
    """Sum up one value a round. Raises ValueError without any."""
    return Figure(median(values), min(values), max(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Sum up ours ÷ theirs, round by round: what disturbs a machine for a while disturbs both of one round."""
    return figure([mine / other for mine, other in zip(ours, theirs, strict=True)])


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Sum up ours - theirs, round by round."""
    return figure([mine - other for mine, other in zip(ours, theirs, strict=True)])


def percentile(values: Sequence[float], hundredth: int) -> float:
    """Return the value below which `hundredth` per cent lie, 1 to 99. Raises StatisticsError below two values."""
    return quantiles(values, n=100, method="inclusive")[hundredth - 1]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
