"""Sends the log lines of runs, and sees to it that they arrive before the report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger

from tenure.client.leasing import AsyncLeasing
from tenure.domain.errors import (
    InternalError,
    TenureError,
    TooMany,
    Unavailable,
    Unreachable,
)
from tenure.worker.backoff import Backoff
from tenure.worker.holding import Run
from tenure.worker.logs import LogBuffer
from tenure.worker.membership import FORGOTTEN, Membership

GATHER_SECONDS = 0.2
"""How long the lines of a running handler are gathered before they are sent."""
MAX_REQUESTS = 4
MAX_TRIES = 4
"""How often lines are offered to a coordinator that answers but cannot take them."""


class LogShipper:
    """At most one request per run and `MAX_REQUESTS` altogether are in flight.

    `logged` is for any thread, the rest for the loop that made it.
    """

    def __init__(self, leasing: AsyncLeasing, membership: Membership) -> None:
        self._loop = asyncio.get_running_loop()
        self._leasing = leasing
        self._membership = membership
        self._gate = asyncio.Semaphore(MAX_REQUESTS)
        self._noticed: set[Run] = set()
        self._timers: dict[Run, asyncio.TimerHandle] = {}
        self._tasks: dict[Run, asyncio.Task[None]] = {}
        self._afterwards: dict[Run, Callable[[], None]] = {}

    def logged(self, run: Run) -> None:
        """`run` has new lines."""
        if run not in self._noticed:
            self._noticed.add(run)
            self._loop.call_soon_threadsafe(self._schedule, run)

    def finish(self, run: Run, then: Callable[[], None]) -> None:
        """Send what `run` still has, then call `then`: at once when there is nothing."""
        if run in self._tasks:
            self._afterwards[run] = then
        elif run.notes is not None and run.notes.logs:
            self._afterwards[run] = then
            self._start(run)
        else:
            then()

    async def close(self) -> None:
        """Stop sending; what was not sent is lost."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _schedule(self, run: Run) -> None:
        if run not in self._timers and run not in self._tasks:
            self._timers[run] = self._loop.call_later(GATHER_SECONDS, self._start, run)

    def _start(self, run: Run) -> None:
        timer = self._timers.pop(run, None)
        if timer is not None:
            timer.cancel()
        if run.notes is not None and run.notes.logs is not None:
            self._tasks[run] = self._loop.create_task(self._ship(run, run.notes.logs))

    async def _ship(self, run: Run, buffer: LogBuffer) -> None:
        async with self._gate:
            self._noticed.discard(run)  # before the buffer is read: a later line is noticed anew
            while len(buffer):
                await self._send(run, buffer)
        del self._tasks[run]
        if run in self._noticed and len(buffer):
            self._schedule(run)
        then = self._afterwards.pop(run, None)
        if then is not None:
            then()

    async def _send(self, run: Run, buffer: LogBuffer) -> None:
        """One batch. A report waits behind it, so only what will pass is waited for."""
        backoff = Backoff()
        first, lines = buffer.batch()
        while True:
            session = self._membership.current
            try:
                await self._leasing.logs(session, *run.key, first, lines)
            except TenureError as error:
                if not _passes(error, backoff):
                    logger.bind(job_id=run.lease.job_id, error=error.detail).info(
                        "Log lines were not taken"
                    )
                    buffer.clear()
                    return
                await self._membership.overcome(error, session, backoff)
            else:
                buffer.sent(first + len(lines))
                return


def _passes(error: TenureError, backoff: Backoff) -> bool:
    """Whether it helps to try again. Without any coordinator the report could not go either."""
    if isinstance(error, (Unreachable, *FORGOTTEN)):
        return True
    temporary = isinstance(error, Unavailable | TooMany | InternalError)
    return temporary and backoff.failures + 1 < MAX_TRIES
