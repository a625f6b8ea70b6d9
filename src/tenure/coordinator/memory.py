"""What the store answered lately, for callers that ask the same again and again."""

from __future__ import annotations

from typing import Generic, TypeVar

from tenure.domain.clock import SECOND, Clock

Kept = TypeVar("Kept")

REMEMBERED = 9 * SECOND // 10
"""Microseconds for which an answer of the store stands: a change bites within a second."""
MAX_REMEMBERED = 10_000


class Memory(Generic[Kept]):
    """Answers by key; bounded in time and number."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[int, Kept]] = {}

    def get(self, key: str) -> Kept | None:
        """What was kept under `key`, while it stands."""
        found = self._kept.get(key)
        if found is None or found[0] <= self._clock.monotonic():
            return None
        return found[1]

    def forget(self) -> None:
        """Ask the store again for everything."""
        self._kept.clear()

    def stands_until(self, asked: int, expires_at: int | None = None) -> int:
        """Until when (monotonic microseconds) an answer stands that was asked for at `asked`;
        never beyond the instant `expires_at`."""
        until = asked + REMEMBERED
        if expires_at is None:
            return until
        return min(until, self._clock.monotonic() + expires_at - self._clock.now())

    def keep(self, key: str, value: Kept, until: int) -> None:
        """Keep an answer until (monotonic microseconds)."""
        if len(self._kept) >= MAX_REMEMBERED and key not in self._kept:
            self._kept.clear()
        self._kept[key] = (until, value)
