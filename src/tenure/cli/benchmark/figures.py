"""The figures by name, their targets, and the little arithmetic behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One published figure. `sqlite` and `postgres` are the targets there, None for none."""

    name: str
    unit: str
    group: str
    sqlite: float
    postgres: float | None
    at_least: bool
    """Whether the target is a floor (else a ceiling)."""

    def target(self, store: str) -> float | None:
        """The target on `store` (`sqlite` or `postgres`)."""
        return self.postgres if store == "postgres" else self.sqlite

    def reached(self, value: float, store: str) -> bool | None:
        """Whether `value` is as good as the target; None where there is no target."""
        target = self.target(store)
        if target is None:
            return None
        return value >= target if self.at_least else value <= target


FIGURES = (
    Figure("cycle_jobs_per_second", "jobs/s", "cycle", 40_000, 24_000, True),
    Figure("coordinator_rss_mb", "MiB", "cycle", 150, 150, False),
    Figure("bulk_submit_jobs_per_second", "jobs/s", "bulk", 100_000, None, True),
    Figure("drain_jobs_per_second", "jobs/s", "bulk", 45_000, None, True),
    Figure("single_submit_per_second", "jobs/s", "single", 5_000, 5_000, True),
    Figure("start_latency_p50_ms", "ms", "latency", 2, 5, False),
    Figure("start_latency_p99_ms", "ms", "latency", 6, 15, False),
    Figure("claim_ratio_1m_to_1k", "times", "claims", 1.2, 1.2, False),
    Figure("idle_workers_cpu_percent", "% of a core", "idle", 10, 10, False),
)


@dataclass(slots=True)
class Results:
    """What was measured. `figures` by published name; `extras` explain them; `samples` hold the
    single values behind a median, in the order they were taken; `versions` is that of the store."""

    figures: dict[str, float] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def put(self, name: str, samples: Sequence[float]) -> None:
        """The figure `name` is the median of `samples`."""
        self.figures[name] = rounded(median(samples))
        self.samples[name] = [rounded(value) for value in samples]

    def explain(self, name: str, values: Sequence[float | None]) -> None:
        """An extra: the median of those values that could be measured, if any."""
        known = [value for value in values if value is not None]
        if known:
            self.extras[name] = rounded(median(known))


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the middle two. Raises ValueError for none."""
    if not values:
        raise ValueError("a median needs a value")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value with `percent` (0 to 100) of all at or below it. Raises ValueError."""
    if not values:
        raise ValueError("a percentile needs a value")
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def rounded(value: float) -> float:
    """Four digits, so that no figure looks more certain than it is."""
    if value == 0 or not math.isfinite(value):
        return value
    digits = 3 - math.floor(math.log10(abs(value)))
    return round(value, max(digits, 0))


def shown(value: float) -> str:
    """A figure as text: whole from 100 on, with thousands separated."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.4g}"
