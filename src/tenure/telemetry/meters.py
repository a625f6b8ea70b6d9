"""Numbers that only grow, kept cheaply and with a bound on how many there are.

Whoever shows them (Prometheus, by `prometheus_client`) reads them; nothing here needs a library.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cache

OTHER = "other"
"""Stands for all label values beyond the bound."""


class Histogram:
    """How many observations fell up to each of `bounds` (ascending), and their sum."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """By place in `bounds`; the last is for what exceeds them all."""
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Add one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def add(self, counts: Mapping[int, int], total: float) -> None:
        """Add values that were sorted into the places of `bounds` before, and their sum."""
        for place, number in counts.items():
            self.counts[place] += number
        self.total += total

    def cumulative(self) -> list[tuple[str, float]]:
        """(bound, values up to it) as Prometheus writes them, the last bound being `+Inf`."""
        found: list[tuple[str, float]] = []
        seen = 0
        for bound, number in zip(_names(self._bounds), self.counts, strict=True):
            seen += number
            found.append((bound, seen))
        return found


@cache
def _names(bounds: tuple[float, ...]) -> tuple[str, ...]:
    return (*map(str, map(float, bounds)), "+Inf")


class Histograms:
    """Histograms by label values. The first `most` combinations get one of their own; in all
    others the first `open_labels` values are OTHER, so the last ones must be few by nature."""

    def __init__(self, bounds: tuple[float, ...], most: int = 100, open_labels: int = 0) -> None:
        self._bounds = bounds
        self._most = most
        self._open = open_labels
        self._kept: dict[tuple[str, ...], Histogram] = {}
        self._rest: dict[tuple[str, ...], Histogram] = {}

    def of(self, *labels: str) -> Histogram:
        """The histogram these values belong to."""
        found = self._kept.get(labels)
        if found is not None:
            return found
        if len(self._kept) < self._most or not self._open:
            return self._kept.setdefault(labels, Histogram(self._bounds))
        rest = (*(OTHER,) * self._open, *labels[self._open :])
        known = self._kept.get(rest) or self._rest.get(rest)
        return known or self._rest.setdefault(rest, Histogram(self._bounds))

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], Histogram]]:
        """Label values and histogram, each combination once."""
        yield from self._kept.items()
        yield from self._rest.items()


class Names:
    """The first `most` names that were asked for stay themselves, the others are OTHER."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, None] = {}

    def admit(self, name: str) -> str:
        """`name` itself, or OTHER."""
        if name in self._known:
            return name
        if len(self._known) >= self._most:
            return OTHER
        self._known[name] = None
        return name

    def __iter__(self) -> Iterator[str]:
        """The names that stay themselves, oldest first."""
        return iter(self._known)
