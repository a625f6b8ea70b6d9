"""Histograms of delays and durations: fixed bounds from 5 ms to 2 h."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from tenure.domain.clock import SECOND

BOUNDS_SECONDS: tuple[float, ...] = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 7200,
)  # fmt: skip
_BOUNDS = tuple(int(bound * SECOND) for bound in BOUNDS_SECONDS)


def bucket(span: int) -> int:
    """The index of the first bound a span (microseconds) does not exceed, else their number."""
    return bisect_left(_BOUNDS, span)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The upper bound in seconds of the bucket where `share` (0 to 1) of the counts is reached.

    None when there are no counts. Spans beyond the last bound answer with the last bound.
    """
    total = sum(counts.values())
    if not total:
        return None
    seen = 0
    for index in sorted(counts):
        seen += counts[index]
        if seen >= share * total:
            return BOUNDS_SECONDS[min(index, len(BOUNDS_SECONDS) - 1)]
    return BOUNDS_SECONDS[-1]
