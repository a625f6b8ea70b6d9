"""Totals of `stats` kept in memory, so that no question sums up the history.

The first look sums everything before the last hour once. Every later one reads only the minutes
that may still change (the last three, or all since the look before), and minutes older than an
hour move from the table of minutes into the sums.
"""

from __future__ import annotations

from collections import Counter

from tenure.domain import histogram
from tenure.domain.clock import MINUTE
from tenure.store import insight as store
from tenure.store.unit import Unit

KEPT_MINUTES = 60
_OPEN_MINUTES = 2
"""Transactions end within seconds and clocks differ by less than one; older minutes are closed."""


class Tally:
    """What was counted up to the last `look`. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._before: Counter[str] = Counter()
        self._minutes: dict[int, dict[str, int]] = {}
        self._looked_at: int | None = None

    def look(self, unit: Unit) -> None:
        """Read what has been counted since the last look."""
        minute = unit.now - unit.now % MINUTE
        oldest = minute - (KEPT_MINUTES - 1) * MINUTE
        began = self._looked_at
        if began is None or minute < began - _OPEN_MINUTES * MINUTE:  # the clock stepped back
            self._before = Counter(store.totals(unit, oldest))
            self._minutes = {}
            since = oldest
        else:
            since = began - _OPEN_MINUTES * MINUTE
        read: dict[int, dict[str, int]] = {}
        for row in store.minutes(unit, since):
            read.setdefault(row.minute, {})[row.measure] = row.count
        self._minutes |= read
        for at in [at for at in self._minutes if at < oldest]:
            self._before.update(self._minutes.pop(at))
        self._looked_at = minute

    def total(self, measure: str) -> int:
        """Counted since the store began."""
        return self._before[measure] + self.last_hour(measure)

    def last_hour(self, measure: str) -> int:
        """Counted in the last KEPT_MINUTES minutes, the present one included."""
        return sum(counts.get(measure, 0) for counts in self._minutes.values())

    def by_minute(self) -> list[tuple[int, dict[str, int]]]:
        """(start in microseconds, counts by measure) of KEPT_MINUTES minutes, oldest first."""
        if self._looked_at is None:
            return []
        first = self._looked_at - (KEPT_MINUTES - 1) * MINUTE
        return [
            (at, self._minutes.get(at, {})) for at in range(first, self._looked_at + MINUTE, MINUTE)
        ]

    def quantiles(self, measure: str) -> dict[str, float | None]:
        """p50, p95 and p99 in seconds of a histogram over the last hour."""
        counts: Counter[int] = Counter()
        for minute in self._minutes.values():
            for name, count in minute.items():
                kind, _, place = name.partition(":")
                if place and kind == measure:
                    counts[int(place)] += count
        return {f"p{share}": histogram.quantile(counts, share / 100) for share in (50, 95, 99)}
