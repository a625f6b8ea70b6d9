"""Queues in the model of the store: what they give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SECOND = 1_000_000
BUCKET, FILLS_IN = 2, 10 * SECOND
"""The one rate there is: so many starts in so many microseconds."""
NAMES = ("default", "slow")


@dataclass
class Queue:
    """What is set for a queue. Its bucket is full again at `full_at`."""

    paused: bool = False
    most: int | None = None
    rated: bool = False
    full_at: int = 0

    def missing(self, now: int) -> int:
        """Microseconds until the bucket is full, at most what an empty one takes."""
        return min(max(self.full_at - now, 0), FILLS_IN)

    def room(self, now: int, running: int) -> int:
        if self.paused:
            return 0
        rooms = [1_000]
        if self.most is not None:
            rooms.append(max(self.most - running, 0))
        if self.rated:
            rooms.append(BUCKET * (FILLS_IN - self.missing(now)) // FILLS_IN)
        return min(rooms)

    def spend(self, now: int) -> None:
        if self.rated:
            self.full_at = now + self.missing(now) + FILLS_IN // BUCKET


@dataclass
class Queues:
    """All of them."""

    by_name: dict[str, Queue] = field(default_factory=lambda: {name: Queue() for name in NAMES})

    def moments(self) -> Iterable[int]:
        """When tokens come."""
        for queue in self.by_name.values():
            if queue.rated:
                yield from (queue.full_at, queue.full_at - FILLS_IN // BUCKET)
