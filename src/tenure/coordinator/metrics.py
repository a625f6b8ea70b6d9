"""What this coordinator has counted since it started, for `GET /metrics`.

Told once per transaction, tick and read, never per job: the sums are made where `stats` is counted.
"""

from __future__ import annotations

from collections import Counter

from tenure.domain.clock import SECOND
from tenure.domain.histogram import BOUNDS_SECONDS
from tenure.store.measured import SUM
from tenure.store.unit import Unit
from tenure.telemetry.meters import Histogram, Histograms, Names

MAX_QUEUES = 40
MAX_LANES = 50
"""Series of queue, type and outcome that have a histogram of durations of their own."""

STORE_BOUNDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip
"""Seconds: a transaction takes milliseconds."""
BATCH_BOUNDS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
COUNTED = frozenset(
    {"submitted", "completed", "failed", "cancelled", "skipped", "expired", "retried", "pruned"}
)
"""Measures of `stats` that are shown as counters."""


class Metrics:
    """Use from one event loop."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.queues = Names(MAX_QUEUES)
        self.start_delay = Histograms(BOUNDS_SECONDS, MAX_QUEUES, open_labels=1)
        self.duration = Histograms(BOUNDS_SECONDS, MAX_LANES, open_labels=2)
        self.fire_delay = Histogram(BOUNDS_SECONDS)
        self.store = Histograms(STORE_BOUNDS)
        self.duty = Histograms(STORE_BOUNDS)
        self.batch = Histogram(BATCH_BOUNDS)
        self.deliveries: Counter[str] = Counter()
        """Attempts to deliver, by result, counted by whoever delivers."""

    def committed(self, unit: Unit) -> None:
        """A transaction was committed."""
        measured, counts = unit.measured, self.counts
        for (_, _, measure), number in unit.tally.items():
            if measure in COUNTED:
                counts[measure] += number
        if measured.noted:
            counts.update(measured.noted)
        for (measure, queue, type_, outcome), buckets in measured.spans.items():
            histogram = self._histogram(measure, queue, type_, outcome)
            total = buckets.pop(SUM)
            histogram.add(buckets, total / SECOND)
        for verb, seconds in measured.timings:
            self.store.of(verb).observe(seconds)
        self.store.of("transaction").observe(measured.elapsed())
        self.batch.observe(measured.weight)

    def _histogram(self, measure: str, queue: str, type_: str, outcome: str) -> Histogram:
        if measure == "duration":
            return self.duration.of(queue, type_, outcome)
        return self.start_delay.of(queue) if measure == "delay" else self.fire_delay

    def has_read(self, seconds: float) -> None:
        """The store answered a read."""
        self.store.of("read").observe(seconds)

    def has_delivered(self, result: str) -> None:
        """An attempt to deliver a notification ended."""
        self.deliveries[result] += 1

    def has_ticked(self, duty: str, seconds: float) -> None:
        """A duty ticked, well or not."""
        self.duty.of(duty).observe(seconds)
