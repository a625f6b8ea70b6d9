"""Deleting what is old enough, a few rows at a time, off the hot path.

A job goes with everything that is about it. Jobs are found by walking the final runs in order of
job id, which is order of creation: each step is one short range of uq_runs_final.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.ids import first_at
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.store import tables as t
from tenure.store import tables_limits as lim
from tenure.store import tables_notify as n
from tenure.store import tables_schedules as s
from tenure.store.checkpoints import drop_checkpoints
from tenure.store.dialect import Dialect
from tenure.store.forgetting import forget, needed_parents
from tenure.store.tables_operations import operations
from tenure.store.unit import Unit

START = first_at(0)
"""Where a walk begins: before every id."""

Cutoffs = Mapping[JobState, int]
"""For every final state the instant (microseconds): jobs that finished before it are old."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A step of the walk: the old jobs in it, each with its cutoff, and where the next step
    begins (None: the walk is over)."""

    jobs: list[tuple[str, int]]
    after: str | None


def next_old(
    unit: Unit, after: str, cutoffs: Cutoffs, scan: int = 5_000, limit: int = 250
) -> Stretch:
    """Walk over up to `scan` finished jobs beyond the job `after`, up to `limit` old ones.

    Reads only; a job may change before `prune_jobs` looks at it.
    """
    params: dict[str, Any] = {str(state): cutoffs[state] for state in TERMINAL}
    params |= {"after": after, "before": first_at(max(cutoffs.values()))}
    ends = unit.rows(_range_end(unit.dialect), skip=scan - 1, **_range(params))
    end = ends[0][0] if ends else None
    jobs = unit.rows(_old_jobs(unit.dialect), end=end or params["before"], limit=limit, **params)
    found = [(job_id, cutoff) for job_id, cutoff in jobs]
    return Stretch(found, found[-1][0] if len(found) == limit else end)


def _range(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in ("after", "before")}


@cache
def _range_end(dialect: Dialect) -> sa.Select[Any]:
    r = t.runs.c
    return dialect.read(
        sa.select(r.job_id)
        .where(
            t.FINAL,
            r.job_id > sa.bindparam("after", type_=t.Uuid),
            r.job_id < sa.bindparam("before", type_=t.Uuid),
        )
        .order_by(r.job_id)
        .offset(sa.bindparam("skip", type_=t.Integer))
        .limit(1)
    )


@cache
def _old_jobs(dialect: Dialect) -> sa.Select[Any]:
    r = t.runs.c
    cutoff = sa.case(
        {state.value: sa.bindparam(str(state), type_=t.Micros) for state in sorted(TERMINAL)},
        value=r.final_state,
    )
    return dialect.read(
        sa.select(r.job_id, cutoff.label("cutoff"))
        .where(
            t.FINAL,
            r.job_id > sa.bindparam("after", type_=t.Uuid),
            r.job_id < sa.bindparam("before", type_=t.Uuid),
            r.job_id <= sa.bindparam("end", type_=t.Uuid),
            r.finished_at < cutoff,
        )
        .order_by(r.job_id)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def prune_jobs(unit: Unit, jobs: list[tuple[str, int]], limit: int = 500) -> bool:
    """Delete jobs that finished before the cutoff each comes with. True when all are gone.

    First up to `limit` rows of their logs, events and earlier runs; the jobs themselves only when
    none of these is left, so call again while it is False. Locks the final runs in job order,
    SKIP LOCKED: a job that is being retried stays, and so does one whose result an unfinished job
    still waits for. A workflow goes with the last of its jobs.
    """
    found = unit.rows(_lock_final(unit.dialect), sorted(jobs))
    needed = needed_parents(unit, [row[0] for row in found]) if found else set()
    found = [row for row in found if row[0] not in needed]
    ids = [(row[0],) for row in found]
    if not ids:
        return True
    for table in (t.logs, t.events, t.runs):
        limit -= unit.execute(_delete_of(unit.dialect, table), ids, limit=limit).rowcount
        if limit <= 0:
            return False
    drop_checkpoints(unit, [row[0] for row in found])
    forget(unit, [row[0] for row in found])
    unit.execute(_delete_runs(unit.dialect), ids)
    unit.execute(_delete_jobs(unit.dialect), ids)
    unit.count("", "", "pruned", len(ids))
    return True


def surplus(unit: Unit, most: int, limit: int = 250) -> list[tuple[str, int]]:
    """Up to `limit` failed jobs beyond the newest `most`, as `prune_jobs` takes them.

    Reads `most` entries of ix_runs_ended_badly; reads only.
    """
    rows = unit.rows(_surplus(unit.dialect), most=most, limit=limit)
    return [(row[0], unit.now + 1) for row in rows]


@cache
def _surplus(dialect: Dialect) -> sa.Select[Any]:
    r = t.runs.c
    failed = r.final_state == sa.literal_column(f"'{JobState.FAILED.value}'")
    return dialect.read(
        sa.select(r.job_id)
        .where(failed, t.ENDED_BADLY)
        .order_by(r.job_id.desc())
        .offset(sa.bindparam("most", type_=t.Integer))
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


@cache
def _lock_final(dialect: Dialect) -> sa.Select[Any]:
    r = t.runs.c
    batch = dialect.batch(r.job_id, r.finished_at)
    locked = (
        sa.select(r.job_id)
        .join_from(batch, t.runs, r.job_id == batch.c.job_id)
        .where(t.FINAL, r.finished_at < batch.c.finished_at)
        .order_by(r.job_id)
        .with_for_update(of=t.runs, skip_locked=True)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(sa.select(locked.c.job_id))


@cache
def _delete_of(dialect: Dialect, table: sa.Table) -> sa.Executable:
    """Delete a bounded number of a batch of jobs' rows, final runs left out."""
    keys = list(table.primary_key.columns)
    batch = dialect.batch(t.jobs.c.id)
    some = (
        sa.select(*keys)
        .join_from(batch, table, table.c.job_id == batch.c.id)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )
    if table is t.runs:
        some = some.where(~t.FINAL)
    return sa.delete(table).where(sa.tuple_(*keys).in_(some))


@cache
def _delete_runs(dialect: Dialect) -> sa.Executable:
    batch = dialect.batch(t.jobs.c.id)
    return sa.delete(t.runs).where(t.runs.c.job_id.in_(sa.select(batch.c.id)))


@cache
def _delete_jobs(dialect: Dialect) -> sa.Executable:
    batch = dialect.batch(t.jobs.c.id)
    return sa.delete(t.jobs).where(t.jobs.c.id.in_(sa.select(batch.c.id)))


def prune_events(unit: Unit, before: int, limit: int = 500) -> int:
    """Delete up to `limit` events older than an instant (microseconds), of jobs or not."""
    return _prune(unit, t.events, "id", first_at(before), limit)


def prune_stats(unit: Unit, before: int, limit: int = 500) -> int:
    """Fold up to `limit` statistics of minutes before an instant (microseconds) into minute 0.

    Totals since the store began stay true; queues, types and histograms of old minutes go. Locks
    what it folds SKIP LOCKED.
    """
    c = t.stats.c
    keys = list(t.stats.primary_key.columns)
    rows = unit.rows(_oldest_stats(unit.dialect), before=before, limit=limit)
    if not rows:
        return 0
    sums: Counter[str] = Counter()
    for row in rows:
        if ":" not in row[keys.index(c.measure)]:
            sums[row[keys.index(c.measure)]] += row[-1]
    unit.execute(_delete_stats(unit.dialect), sorted(tuple(row[:-1]) for row in rows))
    unit.add_stats([(0, "", "", measure, number) for measure, number in sums.items()])
    return len(rows)


@cache
def _oldest_stats(dialect: Dialect) -> sa.Select[Any]:
    c = t.stats.c
    oldest = (
        sa.select(*t.stats.primary_key.columns, c.count)
        .where(c.minute > 0, c.minute < sa.bindparam("before", type_=t.Micros))
        .order_by(c.minute)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .with_for_update(skip_locked=True)
    )
    return dialect.read(oldest)


@cache
def _delete_stats(dialect: Dialect) -> sa.Executable:
    keys = list(t.stats.primary_key.columns)
    batch = dialect.batch(*keys)
    return sa.delete(t.stats).where(sa.tuple_(*keys).in_(sa.select(*batch.c)))


def prune_operations(unit: Unit, before: int, limit: int = 500) -> int:
    """Delete up to `limit` operations that ended before an instant (microseconds)."""
    return _prune(unit, operations, "finished_at", before, limit)


def prune_deliveries(unit: Unit, before: int, limit: int = 500) -> int:
    """Delete up to `limit` deliveries that ended before an instant (microseconds)."""
    return _prune(unit, n.deliveries, "finished_at", before, limit)


def prune_fires(unit: Unit, before: int, limit: int = 500) -> int:
    """Delete up to `limit` rows of the ledger decided before an instant (microseconds)."""
    return _prune(unit, s.fires, "at", before, limit)


def prune_schedules(unit: Unit, before: int, limit: int = 500) -> int:
    """Delete up to `limit` schedules that a person deleted before an instant (microseconds)."""
    return _prune(unit, s.schedules, "deleted_at", before, limit)


def prune_keys(unit: Unit, before: int, limit: int = 500) -> int:
    """Delete up to `limit` idempotency keys used before an instant (microseconds)."""
    return _prune(unit, t.idempotency_keys, "created_at", before, limit)


def prune_unique_keys(unit: Unit, limit: int = 500) -> int:
    """Delete up to `limit` unique keys whose window is over."""
    return _prune(unit, lim.unique_keys, "until", unit.now + 1, limit)


def _prune(unit: Unit, table: sa.Table, age: str, before: Any, limit: int) -> int:
    deleted: int = unit.execute(_delete_older(table, age), before=before, limit=limit).rowcount
    return deleted


@cache
def _delete_older(table: sa.Table, age: str) -> sa.Executable:
    """Locks what it deletes SKIP LOCKED. Reads the first rows by `age`, which is indexed."""
    keys = list(table.primary_key.columns)
    column = table.c[age]
    oldest = (
        sa.select(*keys)
        .where(column < sa.bindparam("before", type_=column.type))
        .order_by(column)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .with_for_update(skip_locked=True)
        .cte("oldest", nesting=True)
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return sa.delete(table).where(sa.tuple_(*keys).in_(sa.select(*oldest.c)))
