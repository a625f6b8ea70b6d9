"""Tells the coordinator how runs ended, in batches, until it has answered."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from loguru import logger

from tenure.client.leasing import AsyncLeasing
from tenure.domain.clock import wall_now
from tenure.domain.errors import InvalidInput, MalformedBody, TenureError, TooLarge
from tenure.wire.leases import ABSENT, ReleaseItem, ReportItem
from tenure.worker import outcome
from tenure.worker.backoff import Backoff
from tenure.worker.holding import Holding, Run
from tenure.worker.intake import Intake
from tenure.worker.membership import Membership
from tenure.worker.watch import Watch

MAX_REPORTS = 500
MAX_BYTES = 4 * 1024 * 1024
MAX_RELEASES = 500
SECOND_REQUEST_AT = 100
"""A second request is sent beside the one in flight once this many reports have gathered."""

_REFUSALS = (InvalidInput, MalformedBody, TooLarge)
Ended = tuple[Run, ReportItem]


class Reporter:
    """Whatever ended during the last round trip is one batch; there is no timer.

    A slot is freed when its report is acknowledged: accepted, repeated or lost. The same request
    asks for leases in the place of those it reports (ADR 0008). Belongs to one event loop.
    """

    def __init__(
        self,
        leasing: AsyncLeasing,
        membership: Membership,
        holding: Holding,
        intake: Intake,
        watch: Watch | None = None,
    ) -> None:
        self._watch = watch or Watch()
        self._leasing = leasing
        self._membership = membership
        self._holding = holding
        self._intake = intake
        self._waiting: deque[Ended] = deque()
        self._releasing: deque[tuple[Run | None, ReleaseItem]] = deque()
        self._wake = asyncio.Event()
        self._wake_second = asyncio.Event()

    def report(self, run: Run, report: ReportItem) -> None:
        """Queue one report; at most one per held lease, so the slots bound the queue."""
        self._holding.reporting += 1
        self._waiting.append((run, report))
        self._wake.set()
        if len(self._waiting) >= SECOND_REQUEST_AT:
            self._wake_second.set()

    def release(self, run: Run, item: ReleaseItem) -> None:
        """Queue a lease to be given back; its slot is free when that is answered."""
        self._releasing.append((run, item))
        self._wake.set()

    def release_unstarted(self, items: Sequence[ReleaseItem]) -> None:
        """Queue leases that never took a slot."""
        self._releasing.extend((None, item) for item in items)
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send_second())
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting or self._releasing:
                    if self._releasing:
                        await self._release_batch()
                    if self._waiting:
                        await self._deliver(self._batch())

    async def _send_second(self) -> None:
        while True:
            await self._wake_second.wait()
            self._wake_second.clear()
            while len(self._waiting) >= SECOND_REQUEST_AT:
                await self._deliver(self._batch())

    def _batch(self) -> list[Ended]:
        waiting, batch, size = self._waiting, list[Ended](), 0
        while waiting and len(batch) < MAX_REPORTS:
            size += _size(waiting[0][1])
            if batch and size > MAX_BYTES:
                break
            batch.append(waiting.popleft())
        return batch

    async def _deliver(self, batch: list[Ended]) -> None:
        """Send one batch until it is answered, one by one when it is refused as a whole."""
        backoff, began = Backoff(), wall_now()
        while True:
            session = self._membership.current
            try:
                sent_at = time.monotonic()
                answer = await self._leasing.complete(
                    session,
                    [report for _, report in batch],
                    self._intake.refill([run for run, _ in batch]),
                )
            except _REFUSALS as error:
                await self._deliver_refused(batch, error)
                return
            except TenureError as error:
                await self._membership.overcome(error, session, backoff)
                continue
            lost = sum(result.status == "lost" for result in answer.results)
            if lost:
                logger.bind(lost=lost).info("Reports came after their leases had ended")
            runs = [run for run, _ in batch]
            self._holding.settle(runs)
            self._watch.reported(runs, began)
            if answer.acquired is not None:
                self._intake.take(session, answer.acquired, sent_at)
            return

    async def _deliver_refused(self, batch: list[Ended], error: TenureError) -> None:
        if len(batch) > 1:
            for ended in batch:
                await self._deliver([ended])
            return
        run, report = batch[0]
        logger.bind(job_id=report.job_id, error=error.detail).warning("A report was refused")
        if report.error is not None and report.error.type == outcome.REFUSED:
            self._holding.settle([run])  # not even that can be told: the lease runs out
            return
        await self._deliver([(run, outcome.refused(report, error.detail))])

    async def _release_batch(self) -> None:
        backoff = Backoff()
        count = min(len(self._releasing), MAX_RELEASES)
        batch = [self._releasing.popleft() for _ in range(count)]
        while True:
            session = self._membership.current
            try:
                await self._leasing.release(session, [item for _, item in batch])
            except _REFUSALS as error:
                logger.bind(error=error.detail).warning("A release was refused")
            except TenureError as error:
                await self._membership.overcome(error, session, backoff)
                continue
            for run, _ in batch:
                if run is not None:
                    self._holding.drop(run)
            return


def _size(report: ReportItem) -> int:
    """Roughly the bytes of a report on the wire."""
    size = 200
    if report.result is not ABSENT:
        size += memoryview(report.result).nbytes
    if report.checkpoint is not ABSENT:
        size += memoryview(report.checkpoint).nbytes
    if report.error is not None:
        size += 2 * (len(report.error.message) + len(report.error.traceback or ""))
    return size
