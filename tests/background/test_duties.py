"""All duties of a coordinator together, on a real store and the real clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tenure.background.duties import Duties
from tenure.coordinator.coordinator import Coordinator
from tenure.settings import Settings
from tenure.store import tables as t
from tenure.store.leases import Claim, Claimed
from tenure.store.submits import Submission
from tenure.store.workers import NewWorker, register
from tests.builders import WORKER, new_jobs

pytestmark = pytest.mark.anyio

NAMES = {
    "chainer", "courier",
    "promoter", "clockwork", "pulse", "sweeper", "reaper", "pruner", "snapshot", "lookout",
    "tidier", "operator", "ticker",
}  # fmt: skip


class Running:
    """A coordinator without HTTP, with its duties."""

    def __init__(self, url: str, lease: float = 30.0) -> None:
        settings = Settings(
            database_url=url, lease=timedelta(seconds=lease), sweep_every=timedelta(seconds=0.05)
        )
        self.here = Coordinator(settings)
        self.counted: list[int] = []
        self.duties = Duties(
            ways={},
            delivered=lambda _: None,
            committer=self.here.committer,
            reader=self.here.reader,
            source=self.here.store,
            clock=self.here.clock,
            terms=self.here.terms,
            settings=settings,
            random=lambda: 0.5,
            insight=self.here.insight,
            counted=self.counted.append,
            look_again=self.here.leasing.look_again,
        )
        self.here.on_commit(self.duties.committed)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.here.start()
        try:
            async with self.duties.running():
                yield
        finally:
            await self.here.stop()

    async def submitted(self, delay: int = 0) -> str:
        (job,) = new_jobs(1, run_at=self.here.clock.now() + delay)
        await self.here.committer.submit(Submission([job], self.here.clock.now()))
        return job.id

    async def joined(self) -> None:
        newcomer = NewWorker(WORKER, "w", "h", 1, "1", 1, ("default",), {"echo": None}, 9, {})
        await self.here.committer.run(lambda unit: register(unit, newcomer))

    async def leased(self) -> list[int]:
        """The fences of what is leased now."""
        wanted = Claim(WORKER, ("default",), ("echo",), 9)
        claimed = await self.here.committer.claim(wanted)
        assert isinstance(claimed, Claimed)
        return [row[1] for row in claimed.rows]

    async def state(self, job_id: str) -> str:
        a = t.active_jobs.c
        statement = sa.select(a.state).where(a.job_id == job_id)
        found = await self.here.store.read(lambda conn: conn.execute(statement).scalar_one())
        return str(found)

    async def becomes(self, job_id: str, state: str) -> None:
        async with asyncio.timeout(5):
            while await self.state(job_id) != state:
                await asyncio.sleep(0.002)


async def test_every_duty_beats(database_url: str) -> None:
    one = Running(database_url)
    async with one.running():
        async with asyncio.timeout(5):
            while not one.counted:
                await asyncio.sleep(0.002)
        assert one.duties.beating() == dict.fromkeys(NAMES, True)
        assert one.counted == [1]


async def test_a_job_due_soon_starts_on_time(database_url: str) -> None:
    one = Running(database_url)
    [promoting] = [loop for loop in one.duties.supervisor.loops if loop.duty.name == "promoter"]
    setattr(promoting.duty, "interval", 60.0)  # noqa: B010 - nothing but the wake-up is in time
    async with one.running():
        async with asyncio.timeout(5):
            while not promoting.ticks:
                await asyncio.sleep(0.002)
        due = one.here.clock.now() + 200_000
        job_id = await one.submitted(delay=200_000)
        await one.becomes(job_id, "pending")
        assert one.here.clock.now() >= due - 50_000


async def test_a_lost_lease_comes_back_after_the_rest_of_one_lease(database_url: str) -> None:
    one = Running(database_url, lease=0.3)
    async with one.running():
        await one.joined()
        job_id = await one.submitted()
        assert await one.leased() == [1]
        await one.becomes(job_id, "pending")
        assert await one.leased() == [2]


async def test_an_idle_coordinator_becomes_steady_by_its_own_pulse(database_url: str) -> None:
    one = Running(database_url, lease=0.3)
    async with one.running(), asyncio.timeout(5):
        while not one.duties.steadiness.steady(one.here.clock.monotonic()):
            await asyncio.sleep(0.01)


async def test_a_coordinator_that_stops_leaves_no_row(database_url: str) -> None:
    one = Running(database_url)
    async with one.running():
        async with asyncio.timeout(5):
            while not one.counted:
                await asyncio.sleep(0.002)
    again = Running(database_url)
    async with again.running():
        async with asyncio.timeout(5):
            while not again.counted:
                await asyncio.sleep(0.002)
        assert again.counted == [1]
