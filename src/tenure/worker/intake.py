"""Takes leases in: what the coordinator granted goes to the executor or back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from loguru import logger

from tenure.client.leasing import Session
from tenure.domain.lease import Trust
from tenure.wire.leases import Acquired, CancelRequest, Lease, ReleaseItem, Wanted
from tenure.worker.executor import Executor
from tenure.worker.holding import Grant, Holding, Run, Stop, Watcher
from tenure.worker.invocation import Invocation
from tenure.worker.membership import Membership


class Intake:
    """Shared by the poller, which asks for free slots, and the reporter, which asks for leases in
    the place of those it reports. Belongs to one event loop.

    `release` gives leases back that nothing was started from; `drain` is called when the
    coordinator wants this worker to leave. `polling` counts polls for free slots under way: while
    there is one the queues are empty, so that nothing is gained by asking beside it. But the end of
    a job of a workflow may make others ready: asked for with the report, they are leased in the
    same transaction and come with its answer.
    """

    def __init__(
        self,
        membership: Membership,
        holding: Holding,
        executor: Executor,
        *,
        queues: Sequence[str],
        invocations: dict[str, Invocation],
        watcher: Watcher,
        release: Callable[[Sequence[ReleaseItem]], None],
        drain: Callable[[], None],
    ) -> None:
        self._membership = membership
        self._holding = holding
        self._executor = executor
        self._queues = list(queues)
        self._types = list(invocations)
        self._invocations = invocations
        self._watcher = watcher
        self._release = release
        self._drain = drain
        self.polling = 0
        self.closed = False

    def wanted(self, slots: int) -> Wanted:
        """A question for up to `slots` leases of all that this worker offers."""
        return Wanted(queues=self._queues, types=self._types, slots=slots)

    def refill(self, runs: Sequence[Run]) -> Wanted | None:
        """What to ask for in the place of runs that are being reported; None: nothing."""
        if self.closed or (self.polling and not any(run.lease.workflow_id for run in runs)):
            return None
        slots = len(runs) - sum(run.stuck for run in runs)
        return self.wanted(slots) if slots > 0 else None

    def take(self, session: Session, answer: Acquired, sent_at: float) -> None:
        """Start what was granted in answer to a question sent at `sent_at` (monotonic seconds)."""
        if answer.leases:
            self._start(session, answer, sent_at)
        for request in answer.cancel:
            self._cancel(request)
        if answer.drain:
            self._drain()

    def _start(self, session: Session, answer: Acquired, sent_at: float) -> None:
        leases = answer.leases
        if self._membership.session is not session:
            return  # what was leased under a former id is not ours any more
        now = time.monotonic()
        late = now - sent_at - answer.waited_seconds
        if self.closed or late > session.heartbeat_seconds / 2:
            # When it is late, the coordinator may have taken them for lost with their answer.
            logger.bind(leases=len(leases), late_seconds=late).warning("An answer came too late")
            self._give_back(leases)
            return
        trust = Trust.granted(leases[0].lease_seconds, sent_at, answer.waited_seconds)
        grant, watcher, invocations = Grant(trust, now), self._watcher, self._invocations
        held = self._holding.runs
        runs: list[Run] = []
        for lease in leases:
            invocation = invocations.get(lease.type)
            if invocation is None:
                self._give_back([lease])
                continue
            run = Run(lease, invocation, grant, watcher)
            held[run.key] = run
            runs.append(run)
        self._executor.start(runs)

    def _give_back(self, leases: Sequence[Lease]) -> None:
        self._release(
            [ReleaseItem(job_id=lease.job_id, fence=lease.fence, started=False) for lease in leases]
        )

    def _cancel(self, request: CancelRequest) -> None:
        run = self._holding.runs.get((request.job_id, request.fence))
        if run is not None:
            self._executor.stop(run, Stop.CANCEL, request.grace_seconds)
