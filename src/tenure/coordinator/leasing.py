"""The lease protocol as use cases: acquire, heartbeat, complete, release."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from tenure.coordinator.errortext import error_text
from tenure.coordinator.wakeups import Poll, Wakeups
from tenure.domain import run
from tenure.domain.clock import SECOND, Clock, wall_now
from tenure.domain.errors import InvalidInput, LeaseLost, TooLarge
from tenure.domain.ids import is_id
from tenure.domain.lease import CANCEL_GRACE_SECONDS, LeaseTerms
from tenure.settings import Limits
from tenure.store.committer import Committer
from tenure.store.kin import Kin
from tenure.store.lanes import lanes_with_work
from tenure.store.leases import Claim, Claimed
from tenure.store.reader import Reader
from tenure.store.renewals import Beat, Released
from tenure.telemetry.tracing import Tracing
from tenure.wire import leases as wire
from tenure.wire.base import MAX_SECONDS, encode

_MAX_FENCE = 2**63 - 1
_MAX_TOLD = 10_000
_NAMES = msgspec.json.Decoder(list[str])


class Leasing:
    """What workers ask of the coordinator. Answers after the commit."""

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        wakeups: Wakeups,
        clock: Clock,
        terms: LeaseTerms,
        limits: Limits,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing
        self._committer = committer
        self._reader = reader
        self._wakeups = wakeups
        self._clock = clock
        self._terms = terms
        self._limits = limits
        # Cancels already told by a poll; heartbeats repeat all of them, polls only new ones,
        # else a worker that polls with its cancels known would spin.
        self._told: OrderedDict[tuple[str, int], None] = OrderedDict()

    async def acquire(self, asked: wire.Acquire, gone: Callable[[], bool] = bool) -> wire.Acquired:
        """Lease up to `slots` jobs, waiting up to `wait_seconds` for the first, a cancel or drain.

        `gone` says that the caller has left; what was leased for it is then given back.
        Raises InvalidInput, WorkerUnknown.
        """
        claim = _check_acquire(asked)
        began = self._clock.monotonic()
        until = began + int(min(asked.wait_seconds, wire.MAX_WAIT_SECONDS) * SECOND)
        poll = Poll(claim.worker_id, claim.queues, frozenset(claim.types), claim.slots)
        with self._wakeups.filed(poll):
            while True:
                # The lease counts from the claim at the earliest, so the time is read before it.
                waited, asked_at = self._clock.monotonic() - began, wall_now()
                claimed = await self._committer.claim(claim)
                cancels = self._untold(claimed)
                if gone():
                    await self.give_back(claim.worker_id, claimed)
                    return wire.Acquired(leases=[])
                if claimed.rows or cancels or claimed.drain:
                    self._trace(claimed, asked_at)
                    return self._answer(claimed, cancels, waited)
                left = until - self._clock.monotonic()
                if not await self._wakeups.wait(poll, left / SECOND) or gone():
                    waited = self._clock.monotonic() - began
                    return wire.Acquired(leases=[], waited_seconds=waited / SECOND)

    async def look_again(self) -> None:
        """Wake the waiting polls whose lanes have work, whatever was notified or missed."""
        lanes = self._wakeups.waiting_lanes()
        if lanes:
            for queue, type_ in await self._reader.run(lambda unit: lanes_with_work(unit, lanes)):
                self._wakeups.ready(queue, type_, 1)

    async def give_back(self, worker_id: str, claimed: Claimed) -> None:
        """Release what was leased for a caller that has left."""
        if claimed.rows:
            leases = {(row[0], row[1]): False for row in claimed.rows}
            await self._committer.release(Released(worker_id, leases))

    def _trace(self, claimed: Claimed, began: int) -> None:
        """A span `claim` for each leased job that is part of a trace."""
        if self._tracing is not None:
            for row in claimed.rows:
                if row[12] is not None:
                    self._tracing.record("claim", row[12], began, {"tenure.job_id": row[0]})

    def _untold(self, claimed: Claimed) -> list[tuple[str, int, str | None]]:
        fresh = [item for item in claimed.cancels if item[:2] not in self._told]
        for item in fresh:
            self._told[item[:2]] = None
        while len(self._told) > _MAX_TOLD:
            self._told.popitem(last=False)
        return fresh

    def _answer(
        self,
        claimed: Claimed,
        cancels: list[tuple[str, int, str | None]],
        waited: int,
    ) -> wire.Acquired:
        seconds = self._terms.lease_seconds
        return wire.Acquired(
            leases=[
                wire.Lease(
                    job_id=job_id,
                    fence=fence,
                    attempt=attempt,
                    max_attempts=max_attempts,
                    type=type_,
                    name=name,
                    queue=queue,
                    payload=msgspec.Raw(payload.encode()),
                    checkpoint=wire.NULL if not checkpoint else msgspec.Raw(checkpoint.encode()),
                    timeout_seconds=timeout,
                    lease_seconds=seconds,
                    tags=[] if tags is None else _NAMES.decode(tags),
                    workflow_id=None if kin is None else kin.workflow_id,
                    parents=_NO_PARENTS if kin is None else _parents(kin),
                    traceparent=wire.ABSENT if trace is None else trace,
                )
                for (
                    job_id, fence, attempt, max_attempts, type_, name, queue, payload, tags,
                    timeout, checkpoint, kin, trace,
                ) in claimed.rows
            ],
            cancel=_cancels(cancels),
            drain=claimed.drain,
            waited_seconds=waited / SECOND,
        )  # fmt: skip

    async def heartbeat(self, worker_id: str, beat: wire.Heartbeat) -> wire.HeartbeatAnswer:
        """Renew every lease of a worker. Raises InvalidInput, TooLarge, WorkerUnknown."""
        _check_id(worker_id, "worker_id")
        leases: dict[tuple[str, int], tuple[str | None, str | None]] = {}
        for place, held in enumerate(beat.leases):
            pointer = f"/leases/{place}"
            _check_lease(held.job_id, held.fence, pointer)
            leases[held.job_id, held.fence] = (
                _progress_text(held.progress, pointer),
                self._checkpoint_text(held.checkpoint, pointer),
            )
        beaten = await self._committer.renew(Beat(worker_id, leases, beat.draining))
        return wire.HeartbeatAnswer(
            lost=[wire.LeaseId(job_id=job_id, fence=fence) for job_id, fence in beaten.lost],
            cancel=_cancels(beaten.cancels),
            drain=beaten.drain,
        )

    async def complete_one(self, job_id: str, body: wire.CompleteOne) -> None:
        """Settle one report. Raises LeaseLost when its fence is stale or foreign."""
        _check_id(body.worker_id, "worker_id")
        report = self._report(body.worker_id, job_id, body, "")
        (status,) = await self._committer.report([report])
        if status is run.ReportStatus.LOST:
            raise LeaseLost(
                f"job {job_id} is no longer leased to this worker under fence {body.fence}"
            )

    async def complete_many(
        self, body: wire.CompleteMany, gone: Callable[[], bool] = bool
    ) -> wire.Completed:
        """Settle a batch of reports, one status each, in their order, and lease what they ask for.

        Reports and claim enter the committer together, so that one commit serves both (ADR 0008).
        `gone`: see `acquire`.
        """
        _check_id(body.worker_id, "worker_id")
        if len(body.reports) > self._limits.batch_jobs:
            raise TooLarge(f"at most {self._limits.batch_jobs} reports a request")
        reports = [
            self._report(body.worker_id, item.job_id, item, f"/reports/{place}")
            for place, item in enumerate(body.reports)
        ]
        if body.acquire is None:
            statuses, acquired = await self._committer.report(reports), None
        else:
            claim = _check_wanted(body.worker_id, body.acquire, "/acquire")
            statuses, acquired = await self._report_and_claim(reports, claim, gone)
        return wire.Completed(
            acquired=acquired,
            results=[
                wire.ReportResult(job_id=item.job_id, fence=item.fence, status=status.value)
                for item, status in zip(reports, statuses, strict=True)
            ],
        )

    async def _report_and_claim(
        self, reports: list[run.Report], claim: Claim, gone: Callable[[], bool]
    ) -> tuple[list[run.ReportStatus], wire.Acquired | None]:
        asked_at = wall_now()
        statuses, answer = await asyncio.gather(
            self._committer.report(reports), self._committer.claim(claim), return_exceptions=True
        )
        # A claim that is refused leaves the reports as they are; the next poll is told why.
        claimed = answer if isinstance(answer, Claimed) else None
        if claimed is not None and (gone() or isinstance(statuses, BaseException)):
            await self.give_back(claim.worker_id, claimed)
            claimed = None
        if isinstance(statuses, BaseException):
            raise statuses
        if claimed is None:
            return statuses, None
        self._trace(claimed, asked_at)
        return statuses, self._answer(claimed, self._untold(claimed), waited=0)

    async def release(self, body: wire.Release) -> int:
        """Give leases back; how many were still held."""
        _check_id(body.worker_id, "worker_id")
        leases: dict[tuple[str, int], bool] = {}
        for place, item in enumerate(body.leases):
            _check_lease(item.job_id, item.fence, f"/leases/{place}")
            leases[item.job_id, item.fence] = item.started
        return await self._committer.release(Released(body.worker_id, leases))

    def _report(
        self, worker_id: str, job_id: str, body: wire.ReportBody, pointer: str
    ) -> run.Report:
        if not is_id(job_id) or not 0 <= body.fence <= _MAX_FENCE:
            _check_lease(job_id, body.fence, pointer)
        result = None
        if isinstance(body.result, msgspec.Raw):
            result = _json_text(body.result, self._limits.result, f"{pointer}/result")
        progress = None if body.progress is None else _progress_text(body.progress, pointer)
        if body.outcome == "completed" and body.error is None:
            good = run.Outcome.COMPLETED
            return run.Report(job_id, body.fence, worker_id, good, result, progress=progress)
        outcome = _outcome(body, pointer)
        error = None
        if body.error is not None and outcome is not run.Outcome.COMPLETED:
            error = error_text(body.error, self._limits.error)
        return run.Report(
            job_id,
            body.fence,
            worker_id,
            outcome,
            result,
            error,
            retryable=body.retryable,
            retry_after_seconds=_seconds(
                body.retry_after_seconds, f"{pointer}/retry_after_seconds"
            ),
            snooze_seconds=_seconds(body.snooze_seconds, f"{pointer}/snooze_seconds"),
            checkpoint=self._checkpoint_text(body.checkpoint, pointer),
            progress=progress,
        )

    def _checkpoint_text(self, raw: msgspec.Raw | msgspec.UnsetType, pointer: str) -> str | None:
        if not isinstance(raw, msgspec.Raw):
            return None
        return _json_text(raw, self._limits.checkpoint, f"{pointer}/checkpoint")


_NO_PARENTS: dict[str, wire.Parent] = {}


def _parents(kin: Kin) -> dict[str, wire.Parent]:
    return {
        row.key: wire.Parent(
            job_id=row.job_id,
            status=row.state,
            result=None if row.result is None else msgspec.Raw(row.result.encode()),
            omitted=row.omitted,
        )
        for row in kin.parents
    }


def _check_acquire(asked: wire.Acquire) -> Claim:
    _check_id(asked.worker_id, "worker_id")
    if not math.isfinite(asked.wait_seconds) or asked.wait_seconds < 0:
        raise InvalidInput.field("wait_seconds", "must be 0 or more")
    return _check_wanted(asked.worker_id, asked, "")


def _check_wanted(worker_id: str, asked: wire.Acquire | wire.Wanted, pointer: str) -> Claim:
    if not 0 <= asked.slots <= wire.MAX_SLOTS:
        raise InvalidInput.field(f"{pointer}/slots", f"must lie between 0 and {wire.MAX_SLOTS}")
    if len(asked.queues) > wire.MAX_QUEUES or len(asked.types) > wire.MAX_TYPES:
        raise InvalidInput.field(
            f"{pointer}/queues", f"at most {wire.MAX_QUEUES} queues and {wire.MAX_TYPES} types"
        )
    queues, types = dict.fromkeys(asked.queues), dict.fromkeys(asked.types)
    return Claim(worker_id, tuple(queues), tuple(types), asked.slots)


def _check_id(text: str, field: str) -> None:
    if not is_id(text):
        raise InvalidInput.field(field, "must be an id (a lower-case UUID)")


def _check_lease(job_id: str, fence: int, pointer: str) -> None:
    _check_id(job_id, f"{pointer}/job_id")
    if not 0 <= fence <= _MAX_FENCE:
        raise InvalidInput.field(f"{pointer}/fence", f"must lie between 0 and {_MAX_FENCE}")


def _outcome(body: wire.ReportBody, pointer: str) -> run.Outcome:
    if body.outcome is not None:
        return run.Outcome(body.outcome)
    if body.success is None:
        raise InvalidInput.field(f"{pointer}/outcome", "give outcome, or success")
    return run.Outcome.COMPLETED if body.success else run.Outcome.FAILED


def _seconds(value: float | None, pointer: str) -> float | None:
    if value is not None and not 0 <= value <= MAX_SECONDS:
        raise InvalidInput.field(pointer, f"must lie between 0 and {MAX_SECONDS:.0f}")
    return value


def _json_text(raw: msgspec.Raw, limit: int, pointer: str) -> str:
    data = bytes(raw)
    if len(data) > limit:
        raise TooLarge(f"{pointer[1:]}: at most {limit} bytes, this one has {len(data)}")
    return data.decode()


def _progress_text(progress: wire.ProgressIn | None, pointer: str) -> str | None:
    if progress is None:
        return None
    fraction = progress.fraction
    if fraction is not None and not 0 <= fraction <= 1:
        raise InvalidInput.field(f"{pointer}/progress/fraction", "must lie between 0 and 1")
    if progress.message is not None and len(progress.message) > 1_000:
        progress.message = progress.message[:1_000]
    return encode(progress).decode()


def _cancels(items: list[tuple[str, int, str | None]]) -> list[wire.CancelRequest]:
    return [
        wire.CancelRequest(
            job_id=job_id, fence=fence, reason=reason, grace_seconds=CANCEL_GRACE_SECONDS
        )
        for job_id, fence, reason in items
    ]
