"""Ending leases: lock the rows, decide in Python, write one set-based statement per effect.

Shared by reports, releases and the sweeper, so that whoever commits first has the say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.ending import Ending, Held
from tenure.domain.job import Tie
from tenure.domain.lifecycle import JobState
from tenure.domain.run import KEPT_RELEASES, Outcome
from tenure.store import tables as t
from tenure.store.checkpoints import keep_checkpoints
from tenure.store.deadletters import failure
from tenure.store.dialect import Dialect
from tenure.store.finals import delete_active, insert_runs
from tenure.store.options import decode_options
from tenure.store.ranking import step_of
from tenure.store.ties import end
from tenure.store.unit import Lane, Unit

_MEASURES: dict[JobState, str] = {
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
HELD_COLUMNS: tuple[sa.Column[Any], ...] = tuple(
    t.active_jobs.c[name]
    for name in (
        "job_id", "fence", "worker_id", "queue", "type", "attempt", "max_attempts", "lost",
        "releases", "snoozes", "rank", "run_at", "started_at", "deadline_at",
        "cancel_requested_at", "progress", "ties",
    )
)  # fmt: skip


def to_held(unit: Unit, row: Any) -> Held:
    """A row of HELD_COLUMNS, priority and options."""
    fields = list(row)
    fields[14] = row[14] is not None
    fields[18] = decode_options(row[18])
    held = Held(*fields)
    if held.priority:
        held.step = step_of(unit, held.queue)
    return held


def lock(unit: Unit, leases: list[tuple[str, int, str]]) -> dict[tuple[str, int], Held]:
    """The rows of these leases (job_id, fence, worker_id), locked in job order. Others are lost."""
    rows = unit.rows(_lock(unit.dialect), sorted(leases))
    return {(row[0], row[1]): to_held(unit, row) for row in rows}


@cache
def _lock(dialect: Dialect) -> sa.Select[Any]:
    a, j = t.active_jobs.c, t.jobs.c
    batch = dialect.batch(a.job_id, a.fence, a.worker_id)
    locked = (
        sa.select(*HELD_COLUMNS)
        .join_from(
            batch,
            t.active_jobs,
            sa.and_(
                a.job_id == batch.c.job_id,
                a.fence == batch.c.fence,
                a.worker_id == batch.c.worker_id,
            ),
        )
        .order_by(a.job_id)
        .with_for_update(of=t.active_jobs)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(
        sa.select(*locked.c, j.priority, j.options).join_from(
            locked, t.jobs, j.id == locked.c.job_id
        )
    )


def write(unit: Unit, endings: list[Ending]) -> None:
    """Apply decisions about locked rows: those that end, those that go on, and their runs."""
    final = [ending for ending in endings if ending.final]
    going = [ending for ending in endings if not ending.final]
    if final:
        unit.execute(delete_active(unit.dialect), sorted((e.held.job_id,) for e in final))
        end(unit, [(e.held.job_id, e.state, e.held.ties) for e in final])
    if going:
        unit.execute(_go_on(unit.dialect), sorted(_going_row(e) for e in going))
        keep_checkpoints(
            unit, [(e.held.job_id, e.checkpoint) for e in going if e.checkpoint is not None]
        )
    recorded = [_run_row(unit, e) for e in endings if e.outcome is not None]
    if recorded:
        unit.execute(insert_runs(unit.dialect), recorded)
    _thin(unit, [e.held.job_id for e in going if e.outcome in (Outcome.RELEASED, Outcome.SNOOZED)])
    _count(unit, endings)


def _going_row(e: Ending) -> tuple[Any, ...]:
    ties = e.held.ties & ~Tie.QUEUE
    return (
        e.held.job_id, e.state.value, e.reason, e.rank, e.run_at, e.attempt, e.lost, e.releases,
        e.snoozes, ties if e.checkpoint is None else ties | Tie.CHECKPOINT,
    )  # fmt: skip


def _run_row(unit: Unit, e: Ending) -> tuple[Any, ...]:
    held = e.held
    return (
        held.job_id, held.fence, held.attempt, held.worker_id, held.started_at, unit.now,
        e.outcome, e.reason if e.final else None, e.error, e.result, e.lost,
        int(held.cancel_requested), held.progress, e.state.value if e.final else None,
        failure(e.reason, e.error) if e.state is JobState.FAILED else None,
    )  # fmt: skip


def _count(unit: Unit, endings: list[Ending]) -> None:
    ran: dict[tuple[Lane, str], list[int]] = defaultdict(list)
    counts: Counter[tuple[str, str, str]] = Counter()
    for e in endings:
        lane = (e.held.queue, e.held.type)
        if e.held.ties & Tie.QUEUE:
            unit.freed[e.held.queue] += 1
        if e.outcome is not None and e.outcome is not Outcome.RELEASED:
            ran[lane, e.outcome].append(unit.now - e.held.started_at)
        if e.outcome is Outcome.LOST:
            counts[*lane, "lost"] += 1
        if e.final:
            counts[*lane, _MEASURES[e.state]] += 1
        elif e.outcome in (Outcome.FAILED, Outcome.TIMEOUT):
            counts[*lane, "retried"] += 1
        if e.state is JobState.PENDING:
            unit.ready[lane] += 1
        elif e.state is JobState.SCHEDULED:
            unit.schedule(e.run_at)
            if e.held.options.concurrency_key is not None:
                unit.contended.add(e.held.options.concurrency_key)
    for key, number in counts.items():
        unit.count(*key, number)
    for (lane, outcome), spans in ran.items():
        unit.observe(lane, "duration", spans, outcome)


@cache
def _go_on(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    changed = (
        a.state, a.reason, a.rank, a.run_at, a.attempt, a.lost, a.releases, a.snoozes,
        a.ties,
    )  # fmt: skip
    batch = dialect.batch(a.job_id, *changed)
    cleared = (
        "worker_id", "lease_expires_at", "deadline_at", "started_at", "cancel_requested_at",
        "cancel_reason", "progress",
    )  # fmt: skip
    return (
        sa.update(t.active_jobs)
        .where(a.job_id == batch.c.job_id)
        .values(
            {column.name: batch.c[column.name] for column in changed}
            | dict.fromkeys(cleared, sa.null())
        )
    )


def _thin(unit: Unit, job_ids: list[str]) -> None:
    """Keep only the last KEPT_RELEASES released and snoozed runs of these jobs."""
    if job_ids:
        unit.execute(_thin_runs(unit.dialect), sorted((job_id,) for job_id in job_ids))


@cache
def _thin_runs(dialect: Dialect) -> sa.Executable:
    r = t.runs.c
    newer = t.runs.alias("newer")
    batch = dialect.batch(r.job_id)
    given_back = (Outcome.RELEASED.value, Outcome.SNOOZED.value)
    count = (
        sa.select(sa.func.count())
        .select_from(newer)
        .where(newer.c.job_id == r.job_id, newer.c.fence > r.fence, newer.c.outcome.in_(given_back))
        .scalar_subquery()
    )
    return sa.delete(t.runs).where(
        r.job_id.in_(sa.select(batch.c.job_id)),
        r.outcome.in_(given_back),
        r.final_state.is_(None),
        count >= KEPT_RELEASES,
    )
