"""Marks silent workers as lost."""

from __future__ import annotations

from loguru import logger

from tenure.background.duty import Ticked
from tenure.domain.clock import Clock
from tenure.domain.lease import LeaseTerms
from tenure.domain.steadiness import Steadiness
from tenure.store.committer import Committer
from tenure.store.unit import Unit
from tenure.store.workers import reap

_LIMIT = 500


class Reaper:
    """Looks three times a lease; like the sweeper it rests while it may have been deaf itself."""

    name = "reaper"

    def __init__(
        self, committer: Committer, steadiness: Steadiness, clock: Clock, terms: LeaseTerms
    ) -> None:
        self.interval = terms.heartbeat_seconds
        self._committer = committer
        self._steadiness = steadiness
        self._clock = clock
        self._terms = terms

    async def tick(self, now: int) -> Ticked:
        """Mark up to 500 workers."""
        if not self._steadiness.steady(self._clock.monotonic()):
            return Ticked()
        done = await self._committer.run(self._reap)
        if done:
            logger.bind(workers=done).warning("workers fell silent")
        return Ticked(done, more=done == _LIMIT)

    def _reap(self, unit: Unit) -> int:
        if not self._steadiness.steady(self._clock.monotonic()):
            return 0
        return reap(unit, self._terms, _LIMIT)
