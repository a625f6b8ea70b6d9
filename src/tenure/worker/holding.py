"""The leases a worker holds, and its slots."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from tenure.domain.lease import Trust
from tenure.wire.leases import HeldLease, Lease, ProgressIn
from tenure.worker.door import Door
from tenure.worker.logs import LogBuffer

if TYPE_CHECKING:
    from tenure.worker.invocation import Invocation


class Stop(Enum):
    """Why a run is being stopped. Later members outrank earlier ones."""

    RELEASE = 1
    """The worker leaves: give the job back."""
    CANCEL = 2
    TIMEOUT = 3
    UNTRUSTED = 4
    """An exclusive handler whose lease can no longer be believed: give the job back."""
    LOST = 5
    """The coordinator says the lease has ended: nothing is left to report."""


class Watcher(Protocol):
    """Who hears of a run's notes. Called from any thread. `door` leads to the coordinator."""

    @property
    def door(self) -> Door: ...

    def noted(self, run: Run) -> None: ...

    def logged(self, run: Run) -> None: ...


class Stoppable(Protocol):
    """A child process that runs a handler."""

    def stop(self, grace_seconds: float, *, gently: bool) -> None:
        """Ask it to stop, by its flag alone when `gently`, and kill it after the grace."""

    def kill(self) -> None:
        """End it and its group at once. For any thread, harmless when it has ended."""


class Grant:
    """What all leases of one acquire answer share: the same trust, renewed together.

    Seconds of the worker's monotonic clock. Only the keeper changes it.
    """

    __slots__ = ("renewed_at", "trust")

    def __init__(self, trust: Trust, received_at: float) -> None:
        self.trust = trust
        self.renewed_at = received_at

    def renew(self, sent_at: float, answered_at: float, heartbeat_seconds: float) -> None:
        """A heartbeat was answered.

        The coordinator renews what was renewed more than half a heartbeat before; nearer than that
        the lease still counts from the former time.
        """
        if sent_at - self.renewed_at > heartbeat_seconds / 2:
            self.trust.renew(sent_at)
            self.renewed_at = answered_at


class Notes:
    """What a handler told through its context. `revision` grows, `told` is what was sent."""

    __slots__ = ("checkpoint", "fraction", "logs", "message", "progressed", "revision", "told")

    def __init__(self) -> None:
        self.fraction: float | None = None
        self.message: str | None = None
        self.progressed = False
        self.checkpoint: bytes | None = None
        self.logs: LogBuffer | None = None
        self.revision = 0
        self.told = 0


class Run:
    """One held lease and what becomes of it. The handler's context writes here.

    The loop owns it; `stop`, `cancelled` and the notes may be written from other threads.
    """

    __slots__ = (
        "cancelled", "child", "ended", "grant", "invocation", "key", "lease", "notes", "started",
        "stop", "stuck", "task", "timer", "watcher",
    )  # fmt: skip

    def __init__(
        self, lease: Lease, invocation: Invocation, grant: Grant, watcher: Watcher
    ) -> None:
        self.lease = lease
        self.key = (lease.job_id, lease.fence)
        self.invocation = invocation
        self.grant = grant
        self.watcher = watcher
        self.started = False
        self.ended = False
        self.stuck = False
        self.cancelled = False
        self.stop: Stop | None = None
        self.task: asyncio.Task[Any] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.child: Stoppable | None = None
        self.notes: Notes | None = None

    def ask_stop(self, stop: Stop) -> bool:
        """Flag the run for any thread to see; False when a reason as strong was there before.

        A run whose lease is gone loses its child process at once, whatever the loop is doing.
        """
        if self.stop is not None and self.stop.value >= stop.value:
            return False
        self.stop = stop
        self.cancelled = True
        if stop.value >= Stop.UNTRUSTED.value and self.child is not None:
            self.child.kill()
        return True

    @property
    def door(self) -> Door:
        """The way to the coordinator."""
        return self.watcher.door

    def note_progress(self, fraction: float | None, message: str | None) -> None:
        notes = self._notes()
        notes.fraction, notes.message, notes.progressed = fraction, message, True
        notes.revision += 1
        self.watcher.noted(self)

    def note_checkpoint(self, value: bytes) -> None:
        notes = self._notes()
        notes.checkpoint = value
        notes.revision += 1
        self.watcher.noted(self)

    def note_log(self, level: str, text: str) -> None:
        notes = self._notes()
        if notes.logs is None:
            notes.logs = LogBuffer()
        notes.logs.append(level, text)
        self.watcher.logged(self)

    def _notes(self) -> Notes:
        if self.notes is None:
            self.notes = Notes()
        return self.notes

    def held(self) -> tuple[HeldLease, int]:
        """This lease as a heartbeat lists it, with the revision of the notes it carries."""
        notes = self.notes
        lease = self.lease
        if notes is None or notes.revision == notes.told:
            return HeldLease(job_id=lease.job_id, fence=lease.fence), 0
        revision = notes.revision
        held = HeldLease(job_id=lease.job_id, fence=lease.fence)
        if notes.progressed:
            held.progress = ProgressIn(fraction=notes.fraction, message=notes.message)
        if notes.checkpoint is not None:
            held.checkpoint = msgspec.Raw(notes.checkpoint)
        return held, revision


class Holding:
    """The slot set: what is held, how many slots are free, and waiting for that to change.

    `stuck`: slots of handlers that did not stop. `reporting`: runs that have ended and whose report
    is not answered yet.

    Written by the loop only. The keeper's thread reads `runs` by `snapshot`.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.runs: dict[tuple[str, int], Run] = {}
        self.stuck = 0
        self.reporting = 0
        self._freed = asyncio.Event()

    @property
    def free(self) -> int:
        """Slots that may take a lease; a stuck thread keeps its slot after its report."""
        return self.slots - len(self.runs) - self.stuck

    def snapshot(self) -> list[Run]:
        """All held runs, for any thread: one step of the interpreter, no lock."""
        return list(self.runs.values())

    def drop(self, run: Run) -> None:
        """The lease has ended for us: its slot is free unless its thread is stuck."""
        self.runs.pop(run.key, None)
        self._freed.set()

    def settle(self, runs: Sequence[Run]) -> None:
        """Reports that counted in `reporting` were answered: see `drop`."""
        for run in runs:
            self.runs.pop(run.key, None)
        self.reporting -= len(runs)
        self._freed.set()

    def strand(self, run: Run) -> None:
        """The run's handler did not stop in time: its slot stays taken."""
        if not run.stuck:
            run.stuck = True
            self.stuck += 1

    def unstrand(self, run: Run) -> None:
        """The handler ended after all."""
        if run.stuck:
            run.stuck = False
            self.stuck -= 1
            self._freed.set()

    async def wait(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Until `ready()` after some slot was freed; False when `timeout` seconds passed first."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not ready():
            self._freed.clear()
            try:
                async with asyncio.timeout(
                    None if deadline is None else max(0.0, deadline - time.monotonic())
                ):
                    await self._freed.wait()
            except TimeoutError:
                return ready()
        return True

    def wake(self) -> None:
        """Make waiters look again: something other than a slot has changed."""
        self._freed.set()
