"""Reports: one accepted result per job, a lost reply is no error, the first commit wins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from itertools import chain
from typing import Any

import sqlalchemy as sa

from tenure.domain import ending as rules
from tenure.domain.lifecycle import JobState
from tenure.domain.run import Outcome, Report, ReportStatus
from tenure.store import tables as t
from tenure.store.dialect import Dialect, Taking
from tenure.store.endings import drop_checkpoints, insert_runs, lock, write
from tenure.store.unit import Lane, Unit, json_text

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
    accepted: set[int] = set()
    first: dict[_Lease, Report] = {}
    for item in chain.from_iterable(batches):
        first.setdefault((item.job_id, item.fence, item.worker_id), item)
    good = [item for item in first.values() if item.outcome is Outcome.COMPLETED]
    if good:
        accepted.update(_complete(unit, good))
    others = [item for item in first.values() if item.outcome is not Outcome.COMPLETED]
    if others:
        accepted.update(_settle(unit, others, random))
    refused = [item for item in chain.from_iterable(batches) if id(item) not in accepted]
    repeated = _repeated(unit, refused) if refused else set()
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


def _complete(unit: Unit, good: list[Report]) -> list[int]:
    """The hot path: delete what matches, append the runs. No window between the two."""
    by_lease = {(item.job_id, item.fence, item.worker_id): item for item in good}
    taken = _take(unit.dialect).run(unit.conn, {"batch": json_text(sorted(by_lease))})
    if not taken:
        return []
    now = unit.now
    completed, final = Outcome.COMPLETED.value, JobState.COMPLETED.value
    runs, accepted = [], []
    ran: dict[Lane, list[int]] = defaultdict(list)
    for row in taken:
        (
            job_id, fence, worker_id, attempt, started_at, queue, type_, lost, cancel_at, progress,
            _,
        ) = row  # fmt: skip
        item = by_lease[job_id, fence, worker_id]
        accepted.append(id(item))
        runs.append(
            (
                job_id, fence, attempt, worker_id, started_at, now, completed, None, None,
                item.result, lost, 0 if cancel_at is None else 1, progress, final,
            )
        )  # fmt: skip
        ran[queue, type_].append(now - started_at)
    drop_checkpoints(unit, [row[0] for row in taken if row[10]])
    unit.execute(insert_runs(unit.dialect), runs)
    unit.finished += [row[0] for row in taken]
    for lane, spans in ran.items():
        unit.count(*lane, "completed", len(spans))
        unit.observe(lane, "duration", spans)
    return accepted


@cache
def _take(dialect: Dialect) -> Taking:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id, a.fence, a.worker_id)
    return dialect.take(
        t.active_jobs,
        sa.tuple_(a.job_id, a.fence, a.worker_id).in_(sa.select(*batch.c)),
        a.job_id,
        a.fence,
        a.worker_id,
        a.attempt,
        a.started_at,
        a.queue,
        a.type,
        a.lost,
        a.cancel_requested_at,
        a.progress,
        a.has_checkpoint,
    )


def _settle(unit: Unit, items: list[Report], random: Callable[[], float]) -> list[int]:
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
    return [id(item) for item in matched]


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
