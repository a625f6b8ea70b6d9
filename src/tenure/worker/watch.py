"""What is noted around every run: whose it is, and for those who want it spans and numbers."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec

from tenure.telemetry import scope, tracing
from tenure.telemetry.tracing import Tracing
from tenure.wire.leases import ReleaseItem, ReportItem
from tenure.worker.holding import Run
from tenure.worker.meters import WorkerMeters

if TYPE_CHECKING:
    from opentelemetry.trace import Span


def _trace(run: Run) -> str | None:
    given = run.lease.traceparent
    return given if isinstance(given, str) else None


class Watch:
    """Ties log lines and submits to the run they belong to; `enter` and `leave` are called in the
    context of its handler."""

    def enter(self, run: Run) -> Any:
        """The handler is about to start; what is answered goes to `leave`."""
        return scope.CURRENT.set(run.lease)

    def leave(self, run: Run, entered: Any, ending: ReportItem | ReleaseItem | None) -> None:
        """The handler has ended."""
        scope.CURRENT.reset(entered)

    def reported(self, runs: list[Run], began: int) -> None:
        """Reports sent at an instant (microseconds) were answered."""

    def polled(self, leases: int | None) -> None:
        """A poll brought so many leases; None: it failed."""


class FullWatch(Watch):
    """Also opens a span for each run, if it traces, and counts, if it has meters."""

    def __init__(self, traces: Tracing | None, meters: WorkerMeters | None) -> None:
        self._traces = traces
        self._meters = meters

    def enter(self, run: Run) -> Any:
        """Opens the span: the parent of whatever the handler does, also in a child process."""
        span: tuple[Span, object] | None = None
        lease = run.lease
        if self._traces is not None:
            facts: dict[str, str | int] = {
                "tenure.job_id": lease.job_id, "tenure.type": lease.type,
                "tenure.queue": lease.queue, "tenure.attempt": lease.attempt,
                "tenure.fence": lease.fence,
            }  # fmt: skip
            opened = self._traces.start("run", _trace(run), facts)
            run.lease = msgspec.structs.replace(lease, traceparent=tracing.traceparent(opened))
            span = opened, tracing.enter(opened)
        return super().enter(run), span, perf_counter()

    def leave(self, run: Run, entered: Any, ending: ReportItem | ReleaseItem | None) -> None:
        """Ends the span and counts the run."""
        token, span, began = entered
        outcome = _outcome(ending)
        if span is not None:
            failed = None if outcome in ("completed", "released", "snoozed") else outcome
            span[0].set_attribute("tenure.outcome", outcome)
            opened, within = span
            tracing.leave(opened, within, failed)
        if self._meters is not None:
            self._meters.ran(run.lease.type, outcome, perf_counter() - began)
        super().leave(run, token, ending)

    def reported(self, runs: list[Run], began: int) -> None:
        """A span for each report, below that of its run."""
        if self._traces is not None:
            for run in runs:
                parent = _trace(run)
                if parent is not None:
                    self._traces.record(
                        "report", parent, began, {"tenure.job_id": run.lease.job_id}
                    )

    def polled(self, leases: int | None) -> None:
        """Counted by what it brought."""
        if self._meters is not None:
            self._meters.polled(leases)


def _outcome(ending: ReportItem | ReleaseItem | None) -> str:
    if ending is None:
        return "lost"
    return "released" if isinstance(ending, ReleaseItem) else str(ending.outcome)
