"""A committer on a real store, whose transactions a test can count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from tenure.domain.clock import Clock
from tenure.domain.ids import IdSource
from tenure.domain.lease import LeaseTerms
from tenure.store import tables as t
from tenure.store import workers
from tenure.store.committer import Committer
from tenure.store.engine import Store
from tenure.store.leases import Claim
from tenure.store.submits import Submission
from tenure.store.unit import Unit
from tests.builders import WORKER, new_jobs

COORDINATOR = "0193474a-0000-7000-8000-00000000000c"


class Merging:
    """A committer that counts its transactions; `hold` keeps all of them back."""

    def __init__(self, store: Store, max_waiting: int = 1000) -> None:
        self.store = store
        self.units: list[Unit] = []
        self.hook: Callable[[Unit], None] = self.units.append
        self.clock = Clock()
        self.ids = IdSource()
        self.committer = Committer(
            store,
            self.clock,
            COORDINATOR,
            terms=LeaseTerms(),
            random=lambda: 0.5,
            max_waiting=max_waiting,
            committed=lambda unit: self.hook(unit),
        )

    def submission(self, count: int = 1, **changes: Any) -> Submission:
        now = self.clock.now()
        jobs = new_jobs(count, **changes)
        for job, id_ in zip(jobs, self.ids.make(now, count), strict=True):
            job.id = id_
        return Submission(jobs, now)

    async def submit(self, count: int = 1, **changes: Any) -> list[str]:
        wanted = self.submission(count, **changes)
        await self.committer.submit(wanted)
        return [job.id for job in wanted.jobs]

    async def register(self, worker_id: str = WORKER, slots: int = 1000) -> None:
        worker = workers.NewWorker(
            id=worker_id, name="w", hostname="h", pid=1, version="1", protocol=1,
            queues=("default",), types={"echo": None}, slots=slots, labels={},
        )  # fmt: skip
        await self.committer.run(lambda unit: workers.register(unit, worker))

    async def claim(self, slots: int = 1, worker_id: str = WORKER) -> list[tuple[str, int]]:
        found = await self.committer.claim(Claim(worker_id, ("default",), ("echo",), slots))
        return [(row[0], row[1]) for row in found.rows]

    async def states(self) -> list[str]:
        c = t.active_jobs.c

        def read(conn: sa.Connection) -> list[str]:
            return list(conn.scalars(sa.select(c.state).order_by(c.job_id)))

        return await self.store.read(read)

    async def jobs(self) -> int:
        count = sa.select(sa.func.count()).select_from(t.jobs)
        return int(await self.store.read(lambda conn: conn.execute(count).scalar_one()))
