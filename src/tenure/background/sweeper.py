"""Reclaims leases that ran out."""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from tenure.background.duty import Ticked
from tenure.domain.clock import Clock
from tenure.domain.steadiness import Steadiness
from tenure.store.committer import Committer
from tenure.store.sweeps import sweep
from tenure.store.unit import Unit

_LIMIT = 500


class Sweeper:
    """Sweeps every `interval` seconds, unless this coordinator was not well for a whole lease."""

    name = "sweeper"

    def __init__(
        self,
        committer: Committer,
        steadiness: Steadiness,
        clock: Clock,
        *,
        interval: float,
        max_lost: int,
        random: Callable[[], float],
    ) -> None:
        self.interval = interval
        self._committer = committer
        self._steadiness = steadiness
        self._clock = clock
        self._max_lost = max_lost
        self._random = random

    async def tick(self, now: int) -> Ticked:
        """Reclaim up to 500 leases."""
        if not self._steadiness.steady(self._clock.monotonic()):
            return Ticked()
        done = await self._committer.run(self._sweep)
        if done:
            logger.bind(leases=done).warning("leases ran out and were reclaimed")
        return Ticked(done, more=done == _LIMIT)

    def _sweep(self, unit: Unit) -> int:
        # Asked again inside the transaction, whose `now` is already taken: a coordinator that was
        # stopped in between must not judge by what it has not heard.
        if not self._steadiness.steady(self._clock.monotonic()):
            return 0
        return sweep(unit, self._max_lost, self._random, _LIMIT)
