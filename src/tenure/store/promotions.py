"""What time alone does to waiting jobs: due ones become pending, those too late expire."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.job import Reason
from tenure.domain.lifecycle import Circumstances, Event, JobState, step
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.events import Happening, record
from tenure.store.finals import Unstarted, end_waiting
from tenure.store.ties import end
from tenure.store.unit import Unit


def promote(unit: Unit, limit: int = 1_000) -> int:
    """Make up to `limit` due jobs pending, those due longest first; how many it was. A job with a
    concurrency key has to be admitted first.

    Their rank stays as it was computed. Reads ix_active_jobs_scheduled; locks the rows SKIP LOCKED.
    """
    rows = unit.rows(_due(unit.dialect), limit=limit, now=unit.now)
    if not rows:
        return 0
    moved: list[tuple[str, str, str | None]] = []
    for job_id, queue, type_, key in rows:
        state = step(JobState.SCHEDULED, Event.PROMOTE, Circumstances(key_full=key is not None))
        moved.append((job_id, state.value, key and Reason.CONCURRENCY_KEY.value))
        if key is None:
            unit.ready[queue, type_] += 1
        else:
            unit.contended.add(key)
    unit.execute(_move(unit.dialect), sorted(moved))
    return len(rows)


@cache
def _due(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    locked = (
        sa.select(a.job_id, a.queue, a.type, a.concurrency_key)
        .where(t.SCHEDULED, a.run_at <= sa.bindparam("now", type_=t.Micros))
        .order_by(a.run_at, a.job_id)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .with_for_update(skip_locked=True)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(sa.select(*locked.c))


@cache
def _move(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id, a.state, a.reason)
    return (
        sa.update(t.active_jobs)
        .where(a.job_id == batch.c.job_id)
        .values(state=batch.c.state, reason=batch.c.reason)
    )


def expire(unit: Unit, limit: int = 1_000) -> int:
    """End up to `limit` jobs whose `expires_at` passed before they started; how many it was.

    Each gets a run without a worker, outcome `cancelled`, final state `expired`. Reads
    ix_active_jobs_expiring; locks the rows SKIP LOCKED.
    """
    rows = unit.rows(_overdue(unit.dialect), limit=limit, now=unit.now)
    if not rows:
        return 0
    ended = [(row, step(JobState(row[5]), Event.EXPIRE)) for row in rows]
    end_waiting(unit, [Unstarted(row[0], row[1], 0, row[4], state) for row, state in ended])
    record(unit, [Happening(Event.EXPIRE, job_id=row[0]) for row in rows])
    end(unit, [(row[0], state, row[6]) for row, state in ended])
    for row in rows:
        unit.count(row[2], row[3], "expired")
    return len(rows)


@cache
def _overdue(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    locked = (
        sa.select(a.job_id, a.fence, a.queue, a.type, a.lost, a.state, a.ties)
        .where(t.EXPIRING, a.expires_at <= sa.bindparam("now", type_=t.Micros))
        .order_by(a.expires_at)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .with_for_update(skip_locked=True)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(sa.select(*locked.c))


def next_due(unit: Unit) -> int | None:
    """When `promote` or `expire` has something to do next (microseconds); None: never yet.

    Reads the first entry of two indexes.
    """
    found = [at for (at,) in unit.rows(_first_times(unit.dialect)) if at is not None]
    return min(found, default=None)


@cache
def _first_times(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    firsts = [
        sa.select(
            sa.select(column).where(where).order_by(column).limit(1).scalar_subquery().label("at")
        )
        for column, where in ((a.run_at, t.SCHEDULED), (a.expires_at, t.EXPIRING))
    ]
    both = sa.union_all(*firsts).subquery("firsts")
    return dialect.read(sa.select(both.c["at"]))
