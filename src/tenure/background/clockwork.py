"""Keeps the coordinator's clock on the store's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from loguru import logger

from tenure.background.duty import Ticked
from tenure.domain.clock import SECOND, STEP, Clock
from tenure.domain.lease import LeaseTerms
from tenure.domain.steadiness import Steadiness
from tenure.store.committer import Committer
from tenure.store.sweeps import clamp

_SAMPLES = 10


class ClockSource(Protocol):
    """Where the store's clock is read: the open store."""

    async def clock_offset(self, monotonic: Callable[[], int]) -> tuple[int, int]:
        """(store's clock - monotonic, round trip), both microseconds."""


class Clockwork:
    """Samples the store's clock once a second; ten times, taking the quickest round trip, at the
    first tick and when it seems to have stepped.

    On a step the sweeper rests for one lease, then every lease is clamped. The first tick clamps
    too: the clock may have stepped while no coordinator ran.
    """

    name = "clockwork"
    interval = 1.0

    def __init__(
        self,
        source: ClockSource,
        clock: Clock,
        steadiness: Steadiness,
        committer: Committer,
        terms: LeaseTerms,
    ) -> None:
        self._source = source
        self._clock = clock
        self._steadiness = steadiness
        self._committer = committer
        self._terms = terms
        self._started = False
        self._to_clamp = True
        self._ahead = False

    async def tick(self, now: int) -> Ticked:
        """Sample, adopt, and mend the leases after a step."""
        offset, trip = await self._sample(1 if self._started else _SAMPLES)
        if self._started and abs(self._off(offset)) > STEP:
            offset, trip = await self._sample(_SAMPLES)
        self._adopt(offset, trip)
        self._started = True
        if self._to_clamp:
            ahead = self._ahead
            done = await self._committer.run(lambda unit: clamp(unit, self._terms, ahead=ahead))
            self._to_clamp = self._ahead = False
            return Ticked(done)
        return Ticked()

    def _adopt(self, offset: int, trip: int) -> None:
        off, doubt = self._off(offset), trip // 2
        if abs(off) <= doubt:
            return  # within what the sample can tell
        if abs(off) > STEP:
            # Before the clock moves: no sweep may see the new time and the old steadiness.
            self._steadiness.reset(self._clock.monotonic())
            self._to_clamp = True
            self._ahead = self._ahead or off > 0
            logger.bind(seconds=off / SECOND).warning("the clock stepped, the sweeper rests")
        # No further than the sample proves: slow answers must not push the clock to and fro.
        self._clock.adjust(offset - doubt if off > 0 else offset + doubt)

    def _off(self, offset: int) -> int:
        return offset - (self._clock.now() - self._clock.monotonic())

    async def _sample(self, times: int) -> tuple[int, int]:
        samples = [await self._source.clock_offset(self._clock.monotonic) for _ in range(times)]
        return min(samples, key=lambda sample: sample[1])
