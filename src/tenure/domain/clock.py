"""Time. The only module that reads a clock.

An instant is an integer: microseconds since 1970-01-01 UTC (ADR 0002). Inside the coordinator
now = monotonic clock + offset, so that the host's wall clock may jump without any lease noticing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
STEP = SECOND
"""An offset that moves by more than this is a step, not drift (semantics, rule 3)."""

MIN_INSTANT = -62_135_596_800 * SECOND  # year 1
MAX_INSTANT = 253_402_300_799 * SECOND  # year 9999


def wall_now() -> int:
    """The host's wall clock, microseconds since 1970."""
    return time.time_ns() // 1000


def monotonic_now() -> int:
    """The host's monotonic clock, microseconds since an unknown start."""
    return time.monotonic_ns() // 1000


def micros(span: timedelta) -> int:
    """A span as whole microseconds."""
    return span // timedelta(microseconds=1)


def from_datetime(at: datetime) -> int:
    """An aware datetime as an instant. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (at - _EPOCH) // timedelta(microseconds=1)


def to_datetime(instant: int) -> datetime:
    """An instant as an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=instant)


def rfc3339(instant: int) -> str:
    """An instant as RFC 3339 text, always six decimals and `Z`."""
    return to_datetime(instant).isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """now = monotonic + offset. `adjust` moves the offset towards the store's clock.

    The readings are arguments so that tests and simulations supply their own time.
    """

    def __init__(
        self,
        monotonic: Callable[[], int] = monotonic_now,
        wall: Callable[[], int] = wall_now,
    ) -> None:
        self.monotonic = monotonic
        self.wall = wall
        self._offset = wall() - monotonic()

    def now(self) -> int:
        """The current instant in microseconds. Grows with the monotonic clock."""
        return self.monotonic() + self._offset

    def adjust(self, offset: int) -> bool:
        """Adopt a sampled `offset` (store's clock - monotonic, microseconds).

        True when it moved by more than `STEP`: the caller then rests the sweeper and clamps leases.
        """
        stepped = abs(offset - self._offset) > STEP
        self._offset = offset
        return stepped
