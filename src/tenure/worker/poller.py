"""Asks for exactly the free slots, by long polls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from loguru import logger

from tenure.client.leasing import AsyncLeasing, Session
from tenure.domain.errors import TenureError
from tenure.domain.lease import Trust
from tenure.wire.leases import Acquired, CancelRequest, Lease, ReleaseItem
from tenure.worker.backoff import Backoff
from tenure.worker.executor import Executor
from tenure.worker.holding import Grant, Holding, Run, Stop, Watcher
from tenure.worker.invocation import Invocation
from tenure.worker.membership import Membership

GATHER_SECONDS = 0.02
"""How long a busy worker waits for reports under way to free more slots than a few."""
FULL_SECONDS = 0.2
"""How long a worker is full before it listens for cancels by a poll for no slots."""

HALVES_FROM = 100
"""A worker with this many slots asks for half of them at a time: one half is leased while the
other runs and reports, so that coordinator and worker do not wait for each other in turn."""

PACE_SECONDS = 0.2
"""The least time between two polls that bring no lease, whatever else their answers say."""


class Poller:
    """Takes leases and gives them to the executor. Belongs to one event loop.

    `release` gives leases back that nothing was started from; `drain` is called when the
    coordinator wants this worker to leave.
    """

    def __init__(
        self,
        leasing: AsyncLeasing,
        membership: Membership,
        holding: Holding,
        executor: Executor,
        *,
        queues: Sequence[str],
        invocations: dict[str, Invocation],
        watcher: Watcher,
        release: Callable[[Sequence[ReleaseItem]], None],
        drain: Callable[[], None],
    ) -> None:
        self._leasing = leasing
        self._membership = membership
        self._holding = holding
        self._executor = executor
        self._queues = queues
        self._types = list(invocations)
        self._invocations = invocations
        self._watcher = watcher
        self._release = release
        self._drain = drain
        self._quarter = max(1, holding.slots // 4)
        self._most = holding.slots if holding.slots < HALVES_FROM else -(-holding.slots // 2)

    async def run(self) -> None:
        """Poll until cancelled. Cancelling drops a long poll; what it would have brought goes
        back at the coordinator."""
        async with asyncio.TaskGroup() as group:
            await self._fill(group)

    async def _fill(self, group: asyncio.TaskGroup) -> None:
        holding, backoff = self._holding, Backoff()
        listening: asyncio.Task[None] | None = None
        while True:
            if holding.free <= 0 and not await holding.wait(self._any_free, FULL_SECONDS):
                if listening is None or listening.done():
                    listening = group.create_task(self._listen())
                await holding.wait(self._any_free)
            if holding.free < self._quarter and holding.reporting:
                await holding.wait(self._enough_free, GATHER_SECONDS)
            if holding.free > 0:
                await self._poll(min(holding.free, self._most), backoff)

    async def _listen(self) -> None:
        """A full worker polls for no slots: that brings cancels and drain at once."""
        backoff = Backoff()
        while self._holding.free <= 0:
            await self._poll(0, backoff)

    def _any_free(self) -> bool:
        return self._holding.free > 0

    def _enough_free(self) -> bool:
        """A quarter of the slots, or all that will be free soon."""
        return self._holding.free >= self._quarter or not self._holding.reporting

    async def _poll(self, slots: int, backoff: Backoff) -> None:
        session = self._membership.current
        sent_at = time.monotonic()
        try:
            answer = await self._leasing.acquire(
                session,
                queues=self._queues,
                types=self._types,
                slots=slots,
                wait_seconds=session.poll_seconds,
            )
        except TenureError as error:
            await self._membership.overcome(error, session, backoff)
            return
        backoff.reset()
        self._take(session, answer, sent_at)
        self._cancel(answer.cancel)
        if answer.drain:
            self._drain()
        if not answer.leases and time.monotonic() - sent_at < PACE_SECONDS:
            await asyncio.sleep(PACE_SECONDS)

    def _take(self, session: Session, answer: Acquired, sent_at: float) -> None:
        leases = answer.leases
        if not leases or self._membership.session is not session:
            return  # what was leased under a former id is not ours any more
        now = time.monotonic()
        late = now - sent_at - answer.waited_seconds
        if late > session.heartbeat_seconds / 2:
            # By now the coordinator may have taken them for lost with their answer.
            logger.bind(leases=len(leases), late_seconds=late).warning("An answer came too late")
            self._give_back(leases)
            return
        trust = Trust.granted(leases[0].lease_seconds, sent_at, answer.waited_seconds)
        grant, watcher, invocations = Grant(trust, now), self._watcher, self._invocations
        held = self._holding.runs
        runs: list[Run] = []
        for lease in leases:
            invocation = invocations.get(lease.type)
            if invocation is None:
                self._give_back([lease])
                continue
            run = Run(lease, invocation, grant, watcher)
            held[run.key] = run
            runs.append(run)
        self._executor.start(runs)

    def _give_back(self, leases: Sequence[Lease]) -> None:
        self._release(
            [ReleaseItem(job_id=lease.job_id, fence=lease.fence, started=False) for lease in leases]
        )

    def _cancel(self, requests: Sequence[CancelRequest]) -> None:
        for request in requests:
            run = self._holding.runs.get((request.job_id, request.fence))
            if run is not None:
                self._executor.stop(run, Stop.CANCEL, request.grace_seconds)
