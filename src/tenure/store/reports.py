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
from tenure.store.dialect import Dialect, Move, Moving
from tenure.store.endings import lock, write
from tenure.store.ties import end
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
    """The hot path: what matches moves from the active rows to the runs, with no window between."""
    by_lease = {(item.job_id, item.fence, item.worker_id): item for item in good}
    rows = [(*lease, by_lease[lease].result) for lease in sorted(by_lease)]
    params = {"batch": json_text(rows), "now": unit.now}
    taken = _complete_leased(unit.dialect).run(unit.conn, params)
    ran: dict[Lane, list[int]] = defaultdict(list)
    for _, _, _, queue, type_, started_at, _ in taken:
        ran[queue, type_].append(unit.now - started_at)
    end(unit, [(row[0], JobState.COMPLETED, row[6]) for row in taken])
    for lane, spans in ran.items():
        unit.count(*lane, "completed", len(spans))
        unit.observe(lane, "duration", spans)
    return [id(by_lease[row[0], row[1], row[2]]) for row in taken]


@cache
def _complete_leased(dialect: Dialect) -> Moving:
    a, r = t.active_jobs.c, t.runs.c
    batch = dialect.batch(a.job_id, a.fence, a.worker_id, r.result)
    completed: sa.ColumnElement[str] = sa.literal_column(f"'{Outcome.COMPLETED.value}'")
    values: dict[str, sa.ColumnElement[Any]] = {
        "job_id": a.job_id,
        "fence": a.fence,
        "attempt": a.attempt,
        "worker_id": a.worker_id,
        "started_at": a.started_at,
        "finished_at": sa.bindparam("now", type_=t.Micros),
        "outcome": completed,
        "result": batch.c.result,
        "lost": a.lost,
        "cancel_requested": sa.case((t.CANCELLING, 1), else_=0),
        "progress": a.progress,
        "final_state": sa.literal_column(f"'{JobState.COMPLETED.value}'"),
    }
    leased = sa.and_(
        a.job_id == batch.c.job_id,
        a.fence == batch.c.fence,
        a.worker_id == batch.c.worker_id,
    )
    read = (a.job_id, a.fence, a.worker_id, a.queue, a.type, a.started_at, a.ties)
    return dialect.move(Move(t.active_jobs, batch, leased, t.runs, values, read))


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
