"""Numbers for people, charts and autoscalers, answered from memory.

A background loop calls `refresh` about once a second; no question reads the store, but the first.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tenure.coordinator.tally import Tally
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import Unavailable
from tenure.domain.lifecycle import ACTIVE, JobState
from tenure.store import insight as store
from tenure.store.census import Crowd, census
from tenure.store.insight import ActiveCount, Crew
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.base import time_out
from tenure.wire.live import Pulse
from tenure.wire.queues import Queue
from tenure.wire.system import Autoscale, Minute, StateCount, Stats

MEASURES = (
    "submitted", "completed", "failed", "cancelled", "skipped", "expired", "retried", "lost",
)  # fmt: skip
_SHARE = 50
"""A count that took one unit of time is taken again after 50: 2 % of the time."""
FRESH = 60 * SECOND
"""Refreshes come once a second, but a count of very many jobs may take long."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Unfinished jobs and online workers as they were at `as_of` (microseconds)."""

    as_of: int
    counts: tuple[ActiveCount, ...] = ()
    crews: tuple[Crew, ...] = ()
    fleet: tuple[Crowd, ...] = ()
    by_state: Counter[str] = field(default_factory=Counter)

    def count(self, states: frozenset[JobState], queue: str | None, type_: str | None) -> int:
        """Unfinished jobs in any of `states`, of one queue and one type if given."""
        return sum(
            row.count
            for row in self.counts
            if row.state in states and queue in (None, row.queue) and type_ in (None, row.type)
        )

    def serving(self, queue: str) -> tuple[int, int]:
        """Workers online for a queue, and their slots."""
        here = [crew for crew in self.crews if queue in crew.queues]
        return sum(crew.workers for crew in here), sum(crew.slots for crew in here)


class Insight:
    """The last snapshot and the running totals."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._tally = Tally()
        self._snapshot: Snapshot | None = None
        self._count_again = 0
        self._took = 0
        self._refreshing = asyncio.Lock()
        self._refreshed_at: int | None = None

    async def refresh(self) -> None:
        """Bring totals up to date, and the counts unless that would take over 2 % of the time, by
        the shorter of the last two: one that something held up does not make the numbers old.

        Raises Unavailable when the store is away; the former numbers then stay.
        """
        async with self._refreshing:
            try:
                await self._reader.run(self._tally.look)
            except Unavailable:
                self._refreshed_at = None
                raise
            began = self._refreshed_at = self._clock.monotonic()
            if self._snapshot is None or began >= self._count_again:
                self._snapshot = await self._reader.run(_take)
                took, former = self._clock.monotonic() - began, self._took
                self._count_again, self._took = began + min(took, former) * _SHARE, took

    @property
    def latest(self) -> Snapshot | None:
        """The last snapshot, if there was one."""
        return self._snapshot

    def fresh(self) -> bool:
        """Whether the store answered the last refresh, a minute ago at most."""
        at = self._refreshed_at
        return at is not None and self._clock.monotonic() - at <= FRESH

    async def snapshot(self) -> Snapshot:
        """The last snapshot; the first one is taken on demand."""
        if self._snapshot is None:
            await self.refresh()
        return self._snapshot or Snapshot(self._clock.now())

    async def stats(self) -> Stats:
        """Counts, totals, the last hour by minute, delays and durations."""
        snapshot = await self.snapshot()
        tally = self._tally
        return Stats(
            as_of=time_out(snapshot.as_of),
            active={state.value: snapshot.by_state[state] for state in JobState if state in ACTIVE},
            by_queue=[
                StateCount(queue=row.queue, type=row.type, status=row.state, count=row.count)
                for row in snapshot.counts
            ],
            totals={measure: tally.total(measure) for measure in MEASURES},
            last_hour={measure: tally.last_hour(measure) for measure in MEASURES},
            minutes=[_minute(at, counts) for at, counts in tally.by_minute()],
            start_delay_seconds=tally.quantiles("delay"),
            duration_seconds=tally.quantiles("duration"),
        )

    def totals(self) -> tuple[int, ...]:
        """What was counted of each of MEASURES since statistics are kept."""
        return tuple(self._tally.total(measure) for measure in MEASURES)

    async def pulse(self) -> Pulse:
        """What the topic `stats` tells."""
        snapshot = await self.snapshot()
        tally = self._tally
        waiting = [row.oldest for row in snapshot.counts if row.state == JobState.PENDING]
        minutes = tally.by_minute()
        return Pulse(
            as_of=time_out(snapshot.as_of),
            active={state.value: snapshot.by_state[state] for state in JobState if state in ACTIVE},
            oldest_pending_seconds=_age(snapshot.as_of, min(waiting, default=None)),
            workers=sum(crew.workers for crew in snapshot.crews),
            slots=sum(crew.slots for crew in snapshot.crews),
            totals={measure: tally.total(measure) for measure in MEASURES},
            minute=_minute(*minutes[-1]) if minutes else None,
            start_delay_seconds=tally.quantiles("delay"),
        )

    async def queues(self) -> dict[str, Queue]:
        """Every queue that has unfinished jobs or a worker online, without what is set for it."""
        snapshot = await self.snapshot()
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        oldest: dict[str, int] = {}
        for row in snapshot.counts:
            counts[row.queue][row.state] += row.count
            if row.state == JobState.PENDING:
                oldest[row.queue] = min(row.oldest, oldest.get(row.queue, row.oldest))
        names = counts.keys() | {queue for crew in snapshot.crews for queue in crew.queues}
        return {
            name: Queue(
                name=name,
                counts={s.value: counts[name][s] for s in JobState if s in ACTIVE},
                oldest_pending_seconds=_age(snapshot.as_of, oldest.get(name)),
                workers=snapshot.serving(name)[0],
            )
            for name in names
        }

    async def autoscale(self, queue: str) -> Autoscale:
        """Demand of a queue and the slots that serve it; zeros for a queue nobody uses."""
        snapshot = await self.snapshot()
        pending = snapshot.count(frozenset({JobState.PENDING}), queue, None)
        running = snapshot.count(frozenset({JobState.RUNNING}), queue, None)
        workers, slots = snapshot.serving(queue)
        return Autoscale(
            queue=queue,
            demand=pending + running,
            pending=pending,
            running=running,
            slots=slots,
            workers=workers,
            as_of=time_out(snapshot.as_of),
        )

    async def about(self, states: frozenset[JobState], queue: str | None, type_: str | None) -> int:
        """About how many jobs are in `states` (unfinished ones only), or kept at all if none."""
        snapshot = await self.snapshot()
        if states or queue is not None or type_ is not None:
            return snapshot.count(states, queue, type_)
        return max(self._tally.total("submitted") - self._tally.total("pruned"), 0)


def _take(unit: Unit) -> Snapshot:
    counts = tuple(sorted(store.active_counts(unit)))
    by_state: Counter[str] = Counter()
    for row in counts:
        by_state[row.state] += row.count
    return Snapshot(unit.now, counts, tuple(store.crews(unit)), tuple(census(unit)), by_state)


def _minute(at: int, counts: dict[str, int]) -> Minute:
    return Minute(
        at=time_out(at),
        submitted=counts.get("submitted", 0),
        completed=counts.get("completed", 0),
        failed=counts.get("failed", 0),
        cancelled=counts.get("cancelled", 0),
        retried=counts.get("retried", 0),
        lost=counts.get("lost", 0),
    )


def _age(now: int, since: int | None) -> float | None:
    return None if since is None else max(now - since, 0) / SECOND
