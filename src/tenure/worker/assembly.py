"""A worker's parts and what each asks of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from tenure.client.leasing import AsyncLeasing, Introduction, Leasing, Session
from tenure.client.transport import AsyncTransport, Transport
from tenure.wire.leases import ReleaseItem
from tenure.worker.door import Door
from tenure.worker.executor import STOP_GRACE_SECONDS, Ending, Executor
from tenure.worker.holding import Holding, Run
from tenure.worker.intake import Intake
from tenure.worker.invocation import Invocation
from tenure.worker.keeper import Keeper, Orders
from tenure.worker.membership import Membership
from tenure.worker.options import WorkerOptions
from tenure.worker.poller import Poller
from tenure.worker.reporter import Reporter
from tenure.worker.shipper import LogShipper
from tenure.worker.watch import Watch

_KEEPER_END_SECONDS = 0.2


class Assembly:
    """Built inside the running loop, closed once. `draining` is set when the worker is to leave."""

    def __init__(
        self,
        options: WorkerOptions,
        introduction: Introduction,
        invocations: dict[str, Invocation],
        draining: asyncio.Event,
        watch: Watch,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._draining = draining
        self._rejoining: set[asyncio.Task[Session]] = set()
        url, token, ca_file = options.url, options.token, options.ca_file
        self.leasing = AsyncLeasing(AsyncTransport(url, token=token, ca_file=ca_file))
        self._door = Door(url, ca_file=ca_file)
        self.membership = Membership(self.leasing, introduction)
        self.holding = Holding(options.slots)
        self.executor = Executor(self.holding, self._ended, watch, options.log)
        self.shipper = LogShipper(self.leasing, self.membership)
        self.intake = Intake(
            self.membership,
            self.holding,
            self.executor,
            queues=options.queues,
            invocations=invocations,
            watcher=self,
            release=self._give_back,
            drain=draining.set,
        )
        self.reporter = Reporter(self.leasing, self.membership, self.holding, self.intake, watch)
        orders = Orders(
            session=lambda: self.membership.session,
            draining=draining.is_set,
            enforce=self._enforce,
            drain=lambda: self._post(draining.set),
            forgotten=lambda session: self._post(self._rejoin, session),
        )
        beating = Leasing(Transport(url, token=token, ca_file=ca_file))
        self.keeper = Keeper(beating, self.holding, orders)
        self.poller = Poller(self.leasing, self.membership, self.holding, self.intake, watch)

    @property
    def door(self) -> Door:
        """The way to the coordinator, as the worker that is registered now."""
        session = self.membership.session
        self._door.token = None if session is None else session.token
        return self._door

    def noted(self, run: Run) -> None:
        """Progress or a checkpoint changed. For any thread."""
        self.keeper.nudge()

    def logged(self, run: Run) -> None:
        """A line was logged. For any thread."""
        self.shipper.logged(run)

    async def close(self) -> int:
        """Stop everything that still runs; how many async handlers would not be stopped."""
        self.keeper.close()
        stubborn = await self.executor.close()
        await self.shipper.close()
        for task in self._rejoining:
            task.cancel()
        await self.leasing.aclose()
        await asyncio.to_thread(self._door.close)
        await asyncio.to_thread(self.keeper.join, _KEEPER_END_SECONDS)
        return stubborn

    def _ended(self, run: Run, ending: Ending) -> None:
        """A run ended: its log goes first, then its report."""
        if ending is None:
            self.holding.drop(run)
        elif isinstance(ending, ReleaseItem):
            self.reporter.release(run, ending)
        elif run.notes is not None and run.notes.logs is not None:
            self.shipper.finish(run, lambda: self.reporter.report(run, ending))
        else:
            self.reporter.report(run, ending)

    def _give_back(self, items: Sequence[ReleaseItem]) -> None:
        self.reporter.release_unstarted(items)

    def _enforce(self, run: Run, grace_seconds: float | None) -> None:
        grace = STOP_GRACE_SECONDS if grace_seconds is None else grace_seconds
        self._post(self.executor.enforce, run, grace)

    def _rejoin(self, session: Session) -> None:
        task = self._loop.create_task(self.membership.rejoin(session))
        self._rejoining.add(task)
        task.add_done_callback(self._rejoining.discard)

    def _post(self, call: Callable[..., object], *arguments: object) -> None:
        """Call in the loop, from the keeper's thread, which may outlive the loop by a moment."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *arguments)
