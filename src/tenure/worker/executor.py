"""One lease, one ending: runs handlers and stops them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from tenure.domain.run import Cancel
from tenure.wire.leases import ProgressIn, ReleaseItem, ReportItem
from tenure.worker import outcome
from tenure.worker.holding import Holding, Run, Stop
from tenure.worker.lanes import Lanes
from tenure.worker.options import LogTerms
from tenure.worker.process import Children
from tenure.worker.threads import Threads
from tenure.worker.watch import Watch

STOP_GRACE_SECONDS = 5.0
"""How long a handler may take to unwind after its time is out. Below the coordinator's own grace,
so that the report still comes before the sweeper."""

Ending = ReportItem | ReleaseItem | None
"""What is told of a run: a report, that it is given back, or nothing since its lease is gone."""


class Executor:
    """Belongs to one event loop; every method is called there.

    `on_end` is called once for each started lease. A handler that outlives its stop is told of at
    once or after the grace; its slot then stays taken (`Holding.strand`) until it really ends.
    """

    def __init__(
        self,
        holding: Holding,
        on_end: Callable[[Run, Ending], None],
        watch: Watch | None = None,
        log: LogTerms | None = None,
    ) -> None:
        self._watch = watch or Watch()
        self._loop = asyncio.get_running_loop()
        self._holding = holding
        self._on_end = on_end
        self._lanes: Lanes[Run] = Lanes(self._attempt)
        self._threads = Threads(holding.slots)
        self._children = Children(log)
        self._processes: set[asyncio.Task[None]] = set()
        self._queued: set[Run] = set()  # whoever removes a run, thread or loop, decides its start

    def start(self, runs: Iterable[Run]) -> None:
        """Start every run. Async ones begin in the next round of the loop, in order."""
        in_loop = []
        for run in runs:
            isolation = run.invocation.handler.isolation
            if isolation == "async":
                in_loop.append(run)
            elif isolation == "thread":
                self._queued.add(run)
                self._threads.start(partial(self._in_thread, run))
            else:
                task = self._loop.create_task(self._in_child(run))
                self._processes.add(task)
                task.add_done_callback(self._processes.discard)
        self._lanes.add(in_loop)

    def stop(self, run: Run, stop: Stop, grace_seconds: float = STOP_GRACE_SECONDS) -> None:
        """Stop a run for a reason; nothing when it has ended or is being stopped for a stronger."""
        if run.ask_stop(stop):
            self.enforce(run, grace_seconds)

    def enforce(self, run: Run, grace_seconds: float = STOP_GRACE_SECONDS) -> None:
        """Act on `run.stop`, which `ask_stop` has set, maybe in another thread."""
        if run.ended or run.stop is None:
            return
        isolation = run.invocation.handler.isolation
        if not run.started and (isolation != "thread" or self._unqueue(run)):
            self._finish(run, _stopped(run))
            return
        _set_timer(run, None)
        if isolation == "process":
            if run.child is not None:
                run.child.stop(grace_seconds, gently=run.stop is Stop.CANCEL)
        elif isolation == "thread" and run.stop is not Stop.CANCEL:
            self._give_up(run)
        else:
            if run.task is not None:
                run.task.cancel()
            run.timer = self._loop.call_later(grace_seconds, self._give_up, run)

    async def close(self) -> int:
        """Cancel async handlers, kill children, leave threads to themselves.

        Returns how many async handlers would not be cancelled.
        """
        for task in list(self._processes):
            task.cancel()
        await self._children.close()
        await asyncio.gather(*self._processes, return_exceptions=True)
        self._threads.close()
        return await self._lanes.close()

    def _begin(self, run: Run) -> bool:
        """Mark the start; False when the run was stopped before."""
        if run.ended:
            return False
        if run.stop is not None:
            self._finish(run, _stopped(run))
            return False
        run.started = True
        self._set_timeout(run)
        return True

    def _set_timeout(self, run: Run) -> None:
        timeout = _timeout(run)
        if timeout is not None and not run.ended and run.stop is None:
            run.timer = self._loop.call_later(timeout, self.stop, run, Stop.TIMEOUT)

    async def _attempt(self, run: Run, task: asyncio.Task[Any]) -> None:
        if not self._begin(run):
            return
        run.task = task
        entered = self._watch.enter(run)
        try:
            value = await run.invocation.call(run.lease, run)
        except GeneratorExit:
            raise
        except BaseException as error:
            ending = _failed(run, error)
        else:
            ending = _succeeded(run, value)
        self._watch.leave(run, entered, ending)
        run.task = None
        self._finish(run, ending)

    def _in_thread(self, run: Run) -> None:
        """The life of a plain function, in its thread."""
        if not self._unqueue(run):
            return
        run.started = True
        if _timeout(run) is not None:
            self._tell(self._set_timeout, run)
        entered = self._watch.enter(run)
        try:
            value = run.invocation.call(run.lease, run)
        except BaseException as error:
            ending = _failed(run, error)
        else:
            ending = _succeeded(run, value)
        self._watch.leave(run, entered, ending)
        self._tell(self._finish, run, ending)

    async def _in_child(self, run: Run) -> None:
        if not self._begin(run):
            return
        ending: Ending
        entered = self._watch.enter(run)
        try:
            ending = await self._children.run(run)
        except Exception as error:  # whatever keeps a child from working is the run's failure
            ending = _failed(run, error)
        else:
            if run.stop is Stop.LOST or (run.stop is not None and ending.outcome == "failed"):
                ending = _stopped(run)
        self._watch.leave(run, entered, ending)
        self._finish(run, ending)

    def _unqueue(self, run: Run) -> bool:
        """Whether the caller is the first to take a run that waits for a thread."""
        try:
            self._queued.remove(run)
        except KeyError:
            return False
        return True

    def _tell(self, call: Callable[..., None], *arguments: object) -> None:
        """Call in the loop, from a thread. A thread that outlived its loop has nobody to tell."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *arguments)

    def _give_up(self, run: Run) -> None:
        """Tell how the run ends though its handler has not stopped."""
        if not run.ended:
            run.ended = True
            self._holding.strand(run)
            self._on_end(run, _with_notes(run, _stopped(run)))

    def _finish(self, run: Run, ending: Ending) -> None:
        _set_timer(run, None)
        if run.ended:
            self._holding.unstrand(run)
            return
        run.ended = True
        if run.notes is not None:
            ending = _with_notes(run, ending)
        self._on_end(run, ending)


def _timeout(run: Run) -> float | None:
    asked = run.lease.timeout_seconds
    return run.invocation.handler.timeout if asked is None else asked


def _set_timer(run: Run, timer: asyncio.TimerHandle | None) -> None:
    if run.timer is not None:
        run.timer.cancel()
    run.timer = timer


def _succeeded(run: Run, value: Any) -> Ending:
    return None if run.stop is Stop.LOST else outcome.completed(run.lease, value)


def _failed(run: Run, error: BaseException) -> Ending:
    """A stopped run ends as its stop says, unless a cancelled one says something of its own."""
    if run.stop is None:
        return outcome.raised(run.lease, error)
    if run.stop is Stop.CANCEL and not isinstance(error, _STOPPED_BY):
        return outcome.raised(run.lease, error)
    return _stopped(run)


_STOPPED_BY = (asyncio.CancelledError, Cancel, outcome.HandlerCrashed)


def _stopped(run: Run) -> Ending:
    """How a run ends that was stopped."""
    lease = run.lease
    if run.stop is Stop.LOST:
        return None
    if run.stop is Stop.TIMEOUT:
        return outcome.timed_out(lease, _timeout(run))
    if run.stop is Stop.CANCEL:
        return outcome.cancelled(lease)
    return ReleaseItem(job_id=lease.job_id, fence=lease.fence, started=run.started)


def _with_notes(run: Run, ending: Ending) -> Ending:
    """What no heartbeat may have told yet travels with the report."""
    notes = run.notes
    if not isinstance(ending, ReportItem) or notes is None:
        return ending
    if notes.checkpoint is not None:
        ending.checkpoint = msgspec.Raw(notes.checkpoint)
    if notes.progressed:
        ending.progress = ProgressIn(fraction=notes.fraction, message=notes.message)
    return ending
