"""Deletes history that is old enough."""

from __future__ import annotations

from collections.abc import Callable

from tenure.background.duty import Ticked
from tenure.domain.clock import DAY, Clock, micros
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.settings import Retention
from tenure.store import coordinators, pruning, sessions, workers
from tenure.store.committer import Committer
from tenure.store.reader import Reader
from tenure.store.unit import Unit

_LIMIT = 500
_SURPLUS = 250
_REST = 2
Prune = Callable[[Unit], int]


class Pruner:
    """Walks all finished jobs once a minute, a stretch each tick, then the other tables.

    A tick writes at most one small transaction of each kind and is followed by a rest twice as
    long. Where the walk stands is held in memory: several coordinators walk on their own and pass
    over what another one deletes.
    """

    name = "pruner"
    interval = 60.0

    def __init__(
        self, committer: Committer, reader: Reader, clock: Clock, retention: Retention
    ) -> None:
        self._committer = committer
        self._reader = reader
        self._clock = clock
        self._retention = retention
        self._after: str | None = pruning.START

    async def tick(self, now: int) -> Ticked:
        """One stretch of finished jobs, or one batch of each other table."""
        began = self._clock.monotonic()
        done, more = await (
            self._others(now) if self._after is None else self._walk(self._after, now)
        )
        if not more:
            return Ticked(done)
        rest = _REST * (self._clock.monotonic() - began)
        return Ticked(done, more=True, next_at=self._clock.now() + rest)

    async def _walk(self, after: str, now: int) -> tuple[int, bool]:
        cutoffs = {state: now - self._kept(state) for state in TERMINAL}
        stretch = await self._reader.run(lambda unit: pruning.next_old(unit, after, cutoffs))
        if stretch.jobs:
            jobs = stretch.jobs
            if not await self._committer.run(lambda unit: pruning.prune_jobs(unit, jobs, _LIMIT)):
                return 0, True
        self._after = stretch.after
        return len(stretch.jobs), True

    async def _others(self, now: int) -> tuple[int, bool]:
        done = [await self._committer.run(prune) for prune in self._prunes(now)]
        done.append(await self._surplus())
        more = max(done) == _LIMIT
        if not more:
            self._after = pruning.START
        return sum(done), more

    async def _surplus(self) -> int:
        """Failed jobs beyond the most that are kept; `_LIMIT` when there may be more."""
        most = self._retention.max_failed
        jobs = await self._reader.run(lambda unit: pruning.surplus(unit, most, _SURPLUS))
        if not jobs:
            return 0
        gone = await self._committer.run(lambda unit: pruning.prune_jobs(unit, jobs, _LIMIT))
        return len(jobs) if gone and len(jobs) < _SURPLUS else _LIMIT

    def _kept(self, state: JobState) -> int:
        return micros(getattr(self._retention, state.value))

    def _prunes(self, now: int) -> list[Prune]:
        kept = self._retention
        events, stats = now - micros(kept.events), now - micros(kept.stats)
        keys, day = now - micros(kept.idempotency_keys), now - DAY
        return [
            lambda unit: pruning.prune_events(unit, events, _LIMIT),
            lambda unit: pruning.prune_fires(unit, events, _LIMIT),
            lambda unit: pruning.prune_schedules(unit, events, _LIMIT),
            lambda unit: pruning.prune_stats(unit, stats, _LIMIT),
            lambda unit: pruning.prune_keys(unit, keys, _LIMIT),
            lambda unit: pruning.prune_operations(unit, events, _LIMIT),
            lambda unit: pruning.prune_deliveries(unit, events, _LIMIT),
            lambda unit: pruning.prune_unique_keys(unit, _LIMIT),
            lambda unit: sessions.prune_sessions(unit, now, _LIMIT),
            lambda unit: workers.forget(unit, day, _LIMIT),
            lambda unit: coordinators.forget(unit, day),
        ]
