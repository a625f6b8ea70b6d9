"""The one loop that runs every duty."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger

from tenure.background.duty import Duty, Ticked
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import TenureError

_JITTER = 0.2
FIRST_ERROR_REST = 0.2
_LONGEST_ERROR_REST = 15.0
_LATE_SECONDS = 10.0
_FAR = 2**63


class Loop:
    """Ticks a duty until it is cancelled: again at once while there is more, else after a rest.

    A rest lasts its interval less up to a fifth (`random` in [0, 1) says how much), shorter when
    the tick names an instant or somebody wakes it. An error is counted and logged, never fatal;
    the rests after errors grow to 15 s. Rests are measured on the monotonic clock, so that a jump
    of the other neither stretches nor cuts them. `observe` is told the duty's name and how many
    seconds each tick took. Use from one event loop.
    """

    def __init__(
        self,
        duty: Duty,
        clock: Clock,
        random: Callable[[], float],
        observe: Callable[[str, float], None] | None = None,
    ) -> None:
        self.duty = duty
        self._observe = observe
        self.ticks = 0
        """Ticks that ended well."""
        self.errors = 0
        self._failing = 0
        self._clock = clock
        self._random = random
        self._next = _FAR
        self._sooner = asyncio.Event()
        self._beat = clock.monotonic()

    def wake(self) -> None:
        """Tick now; when a tick is under way, once more after it."""
        self._hurry(self._clock.monotonic())

    def wake_at(self, instant: int) -> None:
        """Tick no later than an instant (microseconds of the coordinator's clock)."""
        self._hurry(self._clock.monotonic() + instant - self._clock.now())

    def _hurry(self, monotonic: int) -> None:
        if monotonic < self._next:
            self._next = monotonic
            self._sooner.set()

    def beating(self, now: int) -> bool:
        """Whether a tick ended well lately. `now` is monotonic, in microseconds."""
        return now - self._beat <= int((3 * self.duty.interval + _LATE_SECONDS) * SECOND)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self._next = _FAR
            ticked = await self._tick()
            if ticked is None:
                await asyncio.sleep(self._error_rest())
            elif ticked.more and ticked.next_at is None:
                await asyncio.sleep(0)
            else:
                await self._rest(ticked.next_at)

    async def _tick(self) -> Ticked | None:
        began = self._clock.monotonic()
        try:
            return await self._try_tick()
        finally:
            if self._observe is not None:
                self._observe(self.duty.name, (self._clock.monotonic() - began) / SECOND)

    async def _try_tick(self) -> Ticked | None:
        try:
            ticked = await self.duty.tick(self._clock.now())
        except TenureError as error:
            self._note_error()
            logger.bind(duty=self.duty.name, error=error.detail).warning("a duty failed")
            return None
        except Exception:
            self._note_error()
            logger.bind(duty=self.duty.name).exception("a duty failed")
            return None
        self.ticks += 1
        self._failing = 0
        self._beat = self._clock.monotonic()
        return ticked

    def _note_error(self) -> None:
        self.errors += 1
        self._failing += 1

    def _error_rest(self) -> float:
        doubled: float = FIRST_ERROR_REST * 2 ** min(self._failing, 10)
        return min(doubled, _LONGEST_ERROR_REST) * (1 - _JITTER * self._random())

    async def _rest(self, next_at: int | None) -> None:
        seconds = self.duty.interval * (1 - _JITTER * self._random())
        self._hurry(self._clock.monotonic() + int(seconds * SECOND))
        if next_at is not None:
            self.wake_at(next_at)
        while (left := self._next - self._clock.monotonic()) > 0:
            self._sooner.clear()
            try:
                async with asyncio.timeout(left / SECOND):
                    await self._sooner.wait()
            except TimeoutError:
                return
