"""What every duty has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ticked:
    """`done` counts what was done. `more` asks for the next tick at once, or, when given, at
    `next_at` (microseconds); without `more` the next tick comes no later than `next_at`."""

    done: int = 0
    more: bool = False
    next_at: int | None = None


class Duty(Protocol):
    """One background duty. Safe to run in several coordinators at once."""

    @property
    def name(self) -> str:
        """One word, for logs and the readiness probe."""

    @property
    def interval(self) -> float:
        """Seconds to rest at most between two ticks."""

    async def tick(self, now: int) -> Ticked:
        """Do a bounded piece of work. `now` is the coordinator's clock, in microseconds."""
