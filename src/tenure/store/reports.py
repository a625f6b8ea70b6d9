"""Reports: one accepted result per job, a lost reply is no error, the first commit wins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from itertools import chain, repeat
from typing import Any

import sqlalchemy as sa

from tenure.domain import ending as rules
from tenure.domain.job import Tie
from tenure.domain.lifecycle import JobState
from tenure.domain.run import Outcome, Report, ReportStatus
from tenure.store import tables as t
from tenure.store.dialect import Dialect, Move, Moving
from tenure.store.endings import lock, write
from tenure.store.ties import end
from tenure.store.unit import Unit

_Lease = tuple[str, int, str]
"""Job, fence, worker: what a report must match."""


def report(
    unit: Unit, batches: list[list[Report]], random: Callable[[], float]
) -> list[list[ReportStatus]]:
    """Settle the reports of several requests; one status each, in their order.

    Accepted when (job, fence, worker) still matches. Under an ended fence the same outcome and
    result again is `repeated`, anything else `lost`; neither changes anything. Locks `active_jobs`
    in job order.
    """
    # Backwards, so that the first of several reports of one lease is the one that counts.
    first = {
        (item.job_id, item.fence, item.worker_id): item
        for batch in reversed(batches)
        for item in reversed(batch)
    }
    told = [(*lease, item.progress) for lease, item in first.items() if item.progress is not None]
    if told:
        unit.execute(_keep_progress(unit.dialect), sorted(told))
    good = {lease: item for lease, item in first.items() if item.outcome is Outcome.COMPLETED}
    accepted = _complete(unit, good) if good else set()
    others = [item for item in first.values() if item.outcome is not Outcome.COMPLETED]
    if others:
        accepted.update(_settle(unit, others, random))
    if len(accepted) == sum(map(len, batches)):
        return [[ReportStatus.ACCEPTED] * len(batch) for batch in batches]
    return _statuses(unit, batches, {id(first[lease]) for lease in accepted})


@cache
def _keep_progress(dialect: Dialect) -> sa.Executable:
    """The last progress of runs that end now goes with them into the history."""
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id, a.fence, a.worker_id, a.progress)
    leased = sa.and_(
        a.job_id == batch.c.job_id, a.fence == batch.c.fence, a.worker_id == batch.c.worker_id
    )
    return sa.update(t.active_jobs).where(leased).values(progress=batch.c.progress)


def _statuses(
    unit: Unit, batches: list[list[Report]], accepted: set[int]
) -> list[list[ReportStatus]]:
    refused = [item for item in chain.from_iterable(batches) if id(item) not in accepted]
    repeated = _repeated(unit, refused)
    unit.measured.note("stale_reports", len(refused) - len(repeated))
    return [
        [
            ReportStatus.ACCEPTED
            if id(item) in accepted
            else ReportStatus.REPEATED
            if id(item) in repeated
            else ReportStatus.LOST
            for item in batch
        ]
        for batch in batches
    ]


def _complete(unit: Unit, good: dict[_Lease, Report]) -> set[_Lease]:
    """The hot path: what matches moves from the active rows to the runs, with no window between.

    One statement for all that share worker, fence and result while those are few: only ids travel
    then, which are quickly read. Else one for all.
    """
    alike: dict[tuple[str, int, str | None], list[tuple[str]]] = defaultdict(list)
    for lease in sorted(good):
        alike[lease[2], lease[1], good[lease].result].append((lease[0],))
    if len(alike) > _FEW_GROUPS:
        rows = [(*lease, good[lease].result) for lease in sorted(good)]
        return _completed(unit, unit.move(_complete_leased(unit.dialect), rows, now=unit.now))
    taken: set[_Lease] = set()
    for (worker_id, fence, result), keys in alike.items():
        same = {"fence_": fence, "worker": worker_id, "told": result}
        moved = unit.move(_complete_alike(unit.dialect), keys, now=unit.now, **same)
        taken |= _completed(unit, moved)
    return taken


_FEW_GROUPS = 4


def _completed(unit: Unit, groups: list[Any]) -> set[_Lease]:
    taken: set[_Lease] = set()
    for queue, type_, ties, fence, worker_id, job_ids, starts in groups:
        taken.update(zip(job_ids, repeat(fence), repeat(worker_id), strict=False))
        unit.count(queue, type_, "completed", len(starts))
        if ties & Tie.QUEUE:
            unit.freed[queue] += len(starts)
        spans = [unit.now - start for start in starts]
        unit.observe((queue, type_), "duration", spans, Outcome.COMPLETED.value)
        end(unit, [(job_id, JobState.COMPLETED, ties) for job_id in job_ids])
    return taken


@cache
def _complete_leased(dialect: Dialect) -> Moving:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id, a.fence, a.worker_id, t.runs.c.result)
    return _completing(dialect, batch, batch.c.fence, batch.c.worker_id, batch.c.result)


@cache
def _complete_alike(dialect: Dialect) -> Moving:
    a = t.active_jobs.c
    return _completing(
        dialect,
        dialect.batch(a.job_id),
        sa.bindparam("fence_", type_=sa.BigInteger()),
        sa.bindparam("worker", type_=t.Uuid),
        sa.bindparam("told", type_=t.Text),
    )


def _completing(
    dialect: Dialect,
    batch: sa.Subquery,
    fence: sa.ColumnElement[Any],
    worker_id: sa.ColumnElement[Any],
    result: sa.ColumnElement[Any],
) -> Moving:
    a = t.active_jobs.c
    values: dict[str, sa.ColumnElement[Any]] = {
        "job_id": a.job_id,
        "fence": a.fence,
        "attempt": a.attempt,
        "worker_id": a.worker_id,
        "started_at": a.started_at,
        "finished_at": sa.bindparam("now", type_=t.Micros),
        "outcome": sa.literal_column(f"'{Outcome.COMPLETED.value}'"),
        "result": result,
        "lost": a.lost,
        "cancel_requested": sa.case((t.CANCELLING, 1), else_=0),
        "progress": a.progress,
        "final_state": sa.literal_column(f"'{JobState.COMPLETED.value}'"),
    }
    # The coalesce keeps planners from walking all leases of a worker instead of these keys.
    held_by = sa.func.coalesce(a.worker_id, sa.null(), type_=t.Uuid)
    leased = sa.and_(a.job_id == batch.c.job_id, a.fence == fence, held_by == worker_id)
    shared = (a.queue, a.type, a.ties, a.fence, a.worker_id)
    listed = (a.job_id, a.started_at)
    return dialect.move(Move(t.active_jobs, batch, leased, t.runs, values, shared, listed))


def _settle(unit: Unit, items: list[Report], random: Callable[[], float]) -> list[_Lease]:
    held = lock(unit, [(item.job_id, item.fence, item.worker_id) for item in items])
    matched = [
        item
        for item in items
        if (found := held.get((item.job_id, item.fence))) and found.worker_id == item.worker_id
    ]
    write(
        unit,
        [
            rules.reported(held[item.job_id, item.fence], item, unit.now, random())
            for item in matched
        ],
    )
    return [(item.job_id, item.fence, item.worker_id) for item in matched]


def _repeated(unit: Unit, items: list[Report]) -> set[int]:
    rows = unit.rows(
        _read_runs(unit.dialect), sorted({(item.job_id, item.fence) for item in items})
    )
    runs = {(row[0], row[1]): tuple(row[2:]) for row in rows}
    return {
        id(item)
        for item in items
        if runs.get((item.job_id, item.fence))
        == (item.worker_id, item.outcome.value, item.result, item.error)
    }


@cache
def _read_runs(dialect: Dialect) -> sa.Select[Any]:
    r = t.runs.c
    batch = dialect.batch(r.job_id, r.fence)
    return dialect.read(
        sa.select(r.job_id, r.fence, r.worker_id, r.outcome, r.result, r.error).join_from(
            batch,
            t.runs,
            sa.and_(r.job_id == batch.c.job_id, r.fence == batch.c.fence),
        )
    )
