"""What the worker's tests share: leases, runs, an executor that collects how its runs end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from tenure.domain.ids import IdSource
from tenure.domain.lease import Trust
from tenure.wire.leases import Lease
from tenure.worker.door import Door
from tenure.worker.executor import Ending, Executor
from tenure.worker.holding import Grant, Holding, Run
from tenure.worker.invocation import Invocation
from tenure.worker.options import LogTerms
from tenure.worker.registry import Registry
from tests.builders import NOW


def lease(type_: str = "work", payload: Any = None, **changes: Any) -> Lease:
    """A first attempt, fence 1, with a new job id."""
    values: dict[str, Any] = {
        "job_id": IdSource().one(NOW),
        "fence": 1,
        "attempt": 1,
        "max_attempts": 4,
        "type": type_,
        "queue": "default",
        "payload": msgspec.Raw(msgspec.json.encode(payload)),
        "lease_seconds": 30.0,
    }
    return Lease(**(values | changes))


def grant(lease_seconds: float = 30.0) -> Grant:
    """Leases granted now."""
    now = time.monotonic()
    return Grant(Trust.granted(lease_seconds, now, 0.0), now)


class Heard:
    """A watcher that keeps which runs told something."""

    door = Door("http://127.0.0.1:1", None)

    def __init__(self) -> None:
        self.noted_runs: list[Run] = []
        self.logged_runs: list[Run] = []

    def noted(self, run: Run) -> None:
        self.noted_runs.append(run)

    def logged(self, run: Run) -> None:
        self.logged_runs.append(run)


def lines_of(run: Run) -> list[tuple[str, str]]:
    """Level and text of what a run has logged."""
    if run.notes is None or run.notes.logs is None:
        return []
    return [(line.level, line.text) for line in run.notes.logs.batch()[1]]


class Bench:
    """An executor and what came out of it. `ended` maps job ids to endings, in order."""

    def __init__(
        self, *functions: Callable[..., Any], slots: int = 4, log: LogTerms | None = None
    ) -> None:
        registry = Registry()
        for function in functions:
            registry.add(function)
        self.invocations = {handler.name: Invocation(handler) for handler in registry}
        self.holding = Holding(slots)
        self.watcher = Heard()
        self.ended: dict[str, Ending] = {}
        self.executor = Executor(self.holding, self._on_end, log=log)
        self._news = asyncio.Event()

    def _on_end(self, run: Run, ending: Ending) -> None:
        self.ended[run.lease.job_id] = ending
        self.holding.drop(run)
        self._news.set()

    def start(self, *leases: Lease) -> list[Run]:
        """Start runs for `leases`."""
        granted = grant()
        runs = [Run(item, self.invocations[item.type], granted, self.watcher) for item in leases]
        for run in runs:
            self.holding.runs[run.key] = run
        self.executor.start(runs)
        return runs

    async def ending(self, run: Run, timeout: float = 5.0) -> Any:
        """How `run` ended, waiting for it."""
        async with asyncio.timeout(timeout):
            while run.lease.job_id not in self.ended:
                self._news.clear()
                await self._news.wait()
        return self.ended[run.lease.job_id]

    async def run(self, type_: str = "work", payload: Any = None, **changes: Any) -> Any:
        """How one lease ends."""
        (run,) = self.start(lease(type_, payload, **changes))
        return await self.ending(run)


@asynccontextmanager
async def bench(
    *functions: Callable[..., Any], slots: int = 4, log: LogTerms | None = None
) -> AsyncIterator[Bench]:
    """A `Bench` that is closed afterwards."""
    made = Bench(*functions, slots=slots, log=log)
    try:
        yield made
    finally:
        await made.executor.close()


async def until(condition: Callable[[], Any], timeout: float = 5.0) -> None:
    """Wait until `condition()` holds, looking every few milliseconds."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)
