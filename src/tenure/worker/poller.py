"""Asks for exactly the free slots, by long polls."""

from __future__ import annotations

import asyncio
import time

from tenure.client.leasing import AsyncLeasing
from tenure.domain.errors import TenureError
from tenure.worker.backoff import Backoff
from tenure.worker.holding import Holding
from tenure.worker.intake import Intake
from tenure.worker.membership import Membership
from tenure.worker.watch import Watch

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
    """Asks for leases and hands them to the intake. Belongs to one event loop."""

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
        self._quarter = max(1, holding.slots // 4)
        self._most = holding.slots if holding.slots < HALVES_FROM else -(-holding.slots // 2)

    async def run(self) -> None:
        """Poll until cancelled. Cancelling drops a long poll; what it would have brought goes
        back at the coordinator."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._fill(group)
        finally:
            self._intake.closed = True

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
        session, intake = self._membership.current, self._intake
        sent_at = time.monotonic()
        intake.polling += slots > 0
        try:
            answer = await self._leasing.acquire(
                session, intake.wanted(slots), wait_seconds=session.poll_seconds
            )
        except TenureError as error:
            self._watch.polled(None)
            await self._membership.overcome(error, session, backoff)
            return
        finally:
            intake.polling -= slots > 0
        backoff.reset()
        self._watch.polled(len(answer.leases))
        intake.take(session, answer, sent_at)
        if not answer.leases and time.monotonic() - sent_at < PACE_SECONDS:
            await asyncio.sleep(PACE_SECONDS)
