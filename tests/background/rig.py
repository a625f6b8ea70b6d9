"""A store with its committer and reader, at a time that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from tenure.domain.clock import Clock
from tenure.domain.lease import LeaseTerms
from tenure.domain.steadiness import Steadiness
from tenure.store.committer import Committer
from tenure.store.engine import Store
from tenure.store.leases import Claim, Claimed
from tenure.store.reader import Reader
from tenure.store.submits import Submission
from tenure.store.unit import Unit
from tenure.store.workers import NewWorker, register
from tests.builders import NOW, WORKER, new_jobs

P = ParamSpec("P")
T = TypeVar("T")

COORDINATOR = "0193474a-0000-7000-8000-00000000000c"
START = 77_000_000
"""The monotonic clock's first reading."""


class Rig:
    """A coordinator's inside without its duties. `monotonic` is what the clock reads."""

    def __init__(self, store: Store) -> None:
        self.monotonic = START
        self.store = store
        self.clock = Clock(lambda: self.monotonic, lambda: NOW)
        self.terms = LeaseTerms(30.0)
        self.steadiness = Steadiness(self.terms, START)
        self.units: list[Unit] = []
        self.committer = Committer(
            store,
            self.clock,
            COORDINATOR,
            terms=self.terms,
            random=lambda: 0.5,
            max_waiting=1_000,
            committed=self.units.append,
        )
        self.reader = Reader(store, self.clock)

    @property
    def now(self) -> int:
        return self.clock.now()

    def later(self, span: int) -> None:
        """Let `span` microseconds pass."""
        self.monotonic += span

    def steady(self) -> None:
        """Make this coordinator steady, without moving the clock."""
        beat = self.terms.heartbeat
        self.steadiness.reset(self.monotonic - 4 * beat)
        for at in range(self.monotonic - 4 * beat, self.monotonic + 1, beat):
            self.steadiness.committed(at)

    async def run(
        self, verb: Callable[Concatenate[Unit, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a verb in a transaction."""
        return await self.committer.run(lambda unit: verb(unit, *args, **kwargs))

    async def rows(self, statement: sa.Select[Any]) -> list[Any]:
        """All rows of a plain select."""
        return await self.store.read(lambda conn: list(conn.execute(statement).all()))

    async def execute(self, statement: sa.Executable) -> None:
        """Run a plain statement."""
        await self.committer.run(lambda unit: unit.execute(statement) and None)

    async def submitted(self, count: int, **changes: Any) -> list[str]:
        """Submit jobs of queue `default` and type `echo` now; their ids, ascending."""
        jobs = new_jobs(count, **changes)
        await self.committer.submit(Submission(jobs, self.now))
        return [job.id for job in jobs]

    async def joined(self, worker_id: str = WORKER) -> None:
        """Register a worker."""
        newcomer = NewWorker(
            worker_id, "w", "h", 1, "1", 1, ("default",), {"echo": None}, 1_000, {}
        )
        await self.run(register, newcomer)

    async def leased(self, count: int, **changes: Any) -> list[str]:
        """Submit jobs and lease everything that waits to `WORKER`; the ids leased."""
        await self.submitted(count, **changes)
        leased: list[str] = []
        while True:  # one claim takes 500 at most
            claimed = await self.committer.claim(Claim(WORKER, ("default",), ("echo",), 1_000))
            assert isinstance(claimed, Claimed)
            if not claimed.rows:
                return leased
            leased += [row[0] for row in claimed.rows]
