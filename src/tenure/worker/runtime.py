"""A worker's life from registration to goodbye."""

from __future__ import annotations

import asyncio
import os
import platform
from contextlib import suppress
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

from loguru import logger

from tenure.client.leasing import Introduction
from tenure.domain.errors import ConfigurationError, TenureError
from tenure.telemetry.tracing import Tracing
from tenure.worker.assembly import Assembly
from tenure.worker.holding import Holding, Stop
from tenure.worker.invocation import Invocation
from tenure.worker.meters import Parts, WorkerMeters
from tenure.worker.options import WorkerOptions
from tenure.worker.registry import Registry
from tenure.worker.watch import FullWatch, Watch

RELEASE_SECONDS = 1.0
"""How long a worker that leaves takes to give back what did not finish, and again for goodbye."""


class WorkerRuntime:
    """One worker inside a running event loop. It installs no signal handlers.

    Use `await runtime.run()`, or `async with WorkerRuntime(...)`: entered once registered, drained
    when left. `drain` and `stop` are for the loop's thread. Used once. `stubborn` is, after the
    run, how many async handlers would not be cancelled: they keep the loop from closing. Raises
    ConfigurationError when there is no handler or one cannot be used.
    """

    def __init__(
        self,
        options: WorkerOptions,
        registry: Registry,
        *,
        tracing: Tracing | None = None,
        meters: WorkerMeters | None = None,
    ) -> None:
        if not len(registry):
            raise ConfigurationError("a worker needs at least one handler")
        self.options = options
        self._meters = meters
        traced = tracing is not None or meters is not None
        self._watch = FullWatch(tracing, meters) if traced else Watch()
        self._schemas = registry.schemas()
        self._invocations = {handler.name: Invocation(handler) for handler in registry}
        self.started = asyncio.Event()
        self.stubborn = 0
        self._draining = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def types(self) -> list[str]:
        """The types this worker offers."""
        return list(self._invocations)

    def drain(self) -> None:
        """Take nothing new, finish what runs within the drain grace, give the rest back, leave."""
        self._draining.set()

    def stop(self) -> None:
        """Leave now: give back what runs if that can be told within a second."""
        self._stopping.set()
        self._draining.set()

    async def run(self) -> None:
        """Work until drained or stopped.

        Waits for the coordinator as long as it takes; raises Unauthenticated, Forbidden or
        InvalidInput when it refuses this worker.
        """
        parts = Assembly(
            self.options,
            self._introduction(),
            self._invocations,
            self._draining,
            self._watch,
        )
        if self._meters is not None:
            self._meters.parts = Parts(parts.holding, parts.membership)
        try:
            if await self._joined(parts):
                self.started.set()
                await self._work(parts)
        finally:
            self.stubborn = await parts.close()

    async def _joined(self, parts: Assembly) -> bool:
        """Register; False when the worker is told to leave before a coordinator answered."""
        join = asyncio.ensure_future(parts.membership.join())
        leave = asyncio.ensure_future(self._draining.wait())
        await asyncio.wait({join, leave}, return_when=asyncio.FIRST_COMPLETED)
        leave.cancel()
        if join.done():
            await join
            return True
        join.cancel()
        return False

    async def _work(self, parts: Assembly) -> None:
        parts.keeper.start()
        reporting = asyncio.ensure_future(parts.reporter.run())
        polling = asyncio.ensure_future(parts.poller.run())
        leaving = asyncio.ensure_future(self._draining.wait())
        tasks: set[asyncio.Future[Any]] = {reporting, polling, leaving}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                polling.cancel()
                await self._leave(parts)
            for part in (reporting, polling):
                if part.done() and not part.cancelled():
                    await part  # it never ends by itself but by a fault, which must be seen
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _leave(self, parts: Assembly) -> None:
        """Finish, give back, say goodbye: each within its time."""
        holding = parts.holding
        logger.bind(running=len(holding.runs)).info("Draining")
        parts.keeper.nudge()
        await self._finish_running(holding)
        for run in holding.snapshot():
            parts.executor.stop(run, Stop.RELEASE, RELEASE_SECONDS / 2)
        await holding.wait(lambda: not holding.runs, RELEASE_SECONDS)
        parts.keeper.close()
        with suppress(TenureError, TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await parts.leasing.goodbye(parts.membership.current)
        logger.bind(abandoned=len(holding.runs)).info("Left")

    async def _finish_running(self, holding: Holding) -> None:
        grace = self.options.drain_grace_seconds
        done = asyncio.ensure_future(holding.wait(lambda: not holding.runs, grace))
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({done, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in (done, stop):
            task.cancel()
        await asyncio.gather(done, stop, return_exceptions=True)

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self.run())
        started = asyncio.get_running_loop().create_task(self.started.wait())
        await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            await self._task
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drain() if error is None else self.stop()
        if self._task is not None:
            await self._task

    def _introduction(self) -> Introduction:
        return Introduction(
            name=self.options.name,
            hostname=platform.node(),
            pid=os.getpid(),
            version=version("tenure"),
            queues=self.options.queues,
            types=self._schemas,
            slots=self.options.slots,
            labels=self.options.labels,
        )
