"""A wake-up that got lost costs latency, never a job."""

from __future__ import annotations

import asyncio

import pytest

from tenure.background.duty import Ticked
from tenure.background.lookout import Lookout
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN
from tenure.settings import Settings
from tenure.store.submits import Submission, submit
from tenure.store.unit import Unit
from tenure.wire.base import validate
from tenure.wire.leases import Acquire
from tenure.wire.workers import RegisterIn
from tests.builders import new_jobs

pytestmark = pytest.mark.anyio


async def test_a_poll_finds_what_nobody_told_it_of(database_url: str) -> None:
    here = Coordinator(Settings(database_url=database_url))
    await here.start()
    asked = validate(RegisterIn, {"name": "w", "types": [{"name": "echo"}]})
    worker_id = (await here.fleet.register(asked, LOCAL_ADMIN)).worker_id
    poll = Acquire(
        worker_id=worker_id, queues=["default"], types=["echo"], slots=1, wait_seconds=20.0
    )
    waiting = asyncio.create_task(here.leasing.acquire(poll))
    async with asyncio.timeout(5):
        while not here.wakeups.waiting_lanes():
            await asyncio.sleep(0.002)
    [job] = new_jobs(1)
    # Past the committer, as another coordinator would.
    now = here.clock.now()
    await here.store.write(
        lambda conn: submit(Unit(conn, here.store.dialect, now, here.id), [Submission([job], now)])
    )
    lookout = Lookout(here.leasing.look_again)
    assert (lookout.name, lookout.interval) == ("lookout", 5.0)
    assert await lookout.tick(now) == Ticked()
    async with asyncio.timeout(5):
        acquired = await waiting
    assert [lease.job_id for lease in acquired.leases] == [job.id]
    await here.stop()
