"""Logs followed live: what is there, then what comes, until the job has ended.

A follower reads when a commit of this coordinator has news of its job. Lines that another
coordinator wrote are found by `look_again`, in one read for all followers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from tenure.coordinator import cursors, present
from tenure.coordinator.wakeups import Wakeups
from tenure.domain.access import Principal
from tenure.domain.errors import InvalidInput, TooMany, Unavailable
from tenure.store import reads
from tenure.store.reader import Reader
from tenure.store.tails import heads, tail
from tenure.wire.jobs import LogLine

MAX_FOLLOWERS = 1_000
MAX_LINES = 200
"""Lines read at once: what one follower holds in memory."""
REST_SECONDS = 0.05
"""The least time between two reads of a follower, so that lines that come one by one are read
together."""
BEAT_SECONDS = 5.0
"""The longest silence."""
_MAX_FENCE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Part:
    """Lines, each with the cursor that goes on beyond it; none when it was silent for
    BEAT_SECONDS. `ended` is the final state, once these are the last lines."""

    lines: list[tuple[str, LogLine]]
    ended: str | None = None


@dataclass(eq=False, slots=True)
class _Place:
    """A follower that waits, and how far it has read."""

    job_id: str
    read: tuple[int, int]
    news: asyncio.Event


class Following:
    """The followers of this coordinator. Use from one event loop."""

    def __init__(self, reader: Reader, wakeups: Wakeups) -> None:
        self._reader = reader
        self._wakeups = wakeups
        self._waiting: set[_Place] = set()
        self.followers = 0

    async def open(
        self,
        job_id: str,
        principal: Principal,
        *,
        fence: int | None = None,
        after: str | None = None,
    ) -> AsyncGenerator[Part, None]:
        """Follow a job's log, or that of one run, beyond a cursor.

        The generator must be closed. It ends with a part that has `ended`, or without one when
        this coordinator stops or cannot read: then go on elsewhere, after the last line's cursor.
        Raises JobNotFound, InvalidInput, TooMany.
        """
        if fence is not None and not 0 < fence <= _MAX_FENCE:
            raise InvalidInput.field("fence", "must be a positive integer of 64 bits")
        start = (0, -1) if after is None else cursors.to_line(after)
        if self.followers >= MAX_FOLLOWERS:
            raise TooMany(f"{MAX_FOLLOWERS} logs are being followed already", retry_after=5.0)
        only = principal.only
        found = await self._reader.run(
            lambda unit: reads.known(unit, reads.resolve(unit, job_id, only), only)
        )
        return self._parts(found, fence, start)

    async def _parts(
        self, job_id: str, fence: int | None, read: tuple[int, int]
    ) -> AsyncGenerator[Part, None]:
        self.followers += 1
        try:
            while not self._wakeups.stopping:
                part = await self._next(job_id, fence, read)
                yield part
                if part.ended is not None:
                    return
                if part.lines:
                    last = part.lines[-1][1]
                    read = (last.fence, last.index)
                    await asyncio.sleep(REST_SECONDS)
        except Unavailable:
            return
        finally:
            self.followers -= 1

    async def _next(self, job_id: str, fence: int | None, read: tuple[int, int]) -> Part:
        """What comes next. Watches before it reads, so that nothing falls in between; and only
        inside, so that a follower that is abandoned leaves nothing behind."""
        with self._wakeups.watch(job_id, log=True) as news:
            part = await self._read(job_id, fence, read)
            if part.lines or part.ended is not None or self._wakeups.stopping:
                return part
            place = _Place(job_id, read, news)
            self._waiting.add(place)
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    await news.wait()
            except TimeoutError:
                return part
            finally:
                self._waiting.discard(place)
            return await self._read(job_id, fence, read)

    async def _read(self, job_id: str, fence: int | None, read: tuple[int, int]) -> Part:
        rows, state = await self._reader.run(
            lambda unit: tail(unit, job_id, fence, read, MAX_LINES)
        )
        lines = [(cursors.of_line(row.fence, row.index), present.line(row)) for row in rows]
        return Part(lines, state if len(rows) < MAX_LINES else None)

    def waiting(self) -> list[str]:
        """The jobs whose followers have read everything and wait."""
        return sorted({place.job_id for place in self._waiting})

    async def look_again(self) -> None:
        """Wake the followers whose log has grown or whose job has ended, whoever wrote it."""
        jobs = self.waiting()
        if not jobs:
            return
        found = await self._reader.run(lambda unit: heads(unit, jobs))
        for place in tuple(self._waiting):
            head = found.get(place.job_id)
            if head is not None and (not head.active or head.last > place.read):
                place.news.set()
