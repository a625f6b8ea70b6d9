"""What a transaction tells the metrics of its coordinator, beside what `stats` counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TypeVar

from tenure.domain import histogram

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

Series = tuple[str, str, str, str]
"""A measure, a queue, a type and an outcome; empty where it has none."""

SUM = -1
"""Beside the numbers of a histogram's buckets: the sum of what was observed, microseconds."""


class Measured:
    """Counts of one transaction. `weight` is how many rows its callers asked for."""

    __slots__ = ("_began", "noted", "spans", "timings", "weight")

    def __init__(self) -> None:
        self.noted: Counter[str] = Counter()
        self.spans: defaultdict[Series, Counter[int]] = defaultdict(Counter)
        self.timings: list[tuple[str, float]] = []
        self.weight = 0
        self._began = perf_counter()

    def note(self, measure: str, by: int = 1) -> None:
        """Add to a number."""
        self.noted[measure] += by

    def observe(self, measure: str, spans: Sequence[int]) -> None:
        """Add spans (microseconds) to a histogram that only the metrics show."""
        self.add((measure, "", "", ""), Counter(map(histogram.bucket, spans)), sum(spans))

    def add(self, series: Series, buckets: Mapping[int, int], total: int) -> None:
        """Add spans sorted into buckets, and their sum, to a histogram."""
        kept = self.spans[series]
        kept[SUM] += total
        for index, number in buckets.items():
            kept[index] += number

    def timed(self, name: str, verb: Callable[[Asked], Answer], asked: Asked) -> Answer:
        """What `verb` answers; how long it took is kept under `name`."""
        began = perf_counter()
        answer = verb(asked)
        self.timings.append((name, perf_counter() - began))
        return answer

    def elapsed(self) -> float:
        """Seconds since the transaction began."""
        return perf_counter() - self._began

    def absorb(self, other: Measured) -> None:
        """Add what a part of the same transaction measured."""
        self.noted.update(other.noted)
        for series, kept in other.spans.items():
            self.spans[series].update(kept)
        self.timings += other.timings
