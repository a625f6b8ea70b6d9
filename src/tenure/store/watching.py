"""Marks: what a watcher compares to know that something changed, whoever changed it.

A mark is a short tuple that differs after every change worth telling; it is never shown. All reads
go by keys, or over tables of people's making (workers, schedules, operations).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dialect import Dialect
from tenure.store.tables_operations import GOING, operations
from tenure.store.tables_schedules import schedules
from tenure.store.unit import Unit

Mark = tuple[Any, ...]


def jobs(unit: Unit, job_ids: list[str]) -> dict[str, Mark]:
    """A mark of each of these jobs, its log included. Five index seeks a job."""
    rows = unit.rows(_read_jobs(unit.dialect), [(job_id,) for job_id in sorted(job_ids)])
    return {row[0]: tuple(row[1:]) for row in rows}


@cache
def _read_jobs(dialect: Dialect) -> sa.Select[Any]:
    j, a, r, c = t.jobs.c, t.active_jobs.c, t.runs.c, t.logs.c
    batch = dialect.batch(j.id)

    def last(column: sa.Column[int]) -> sa.ScalarSelect[Any]:
        newest = sa.select(column).where(c.job_id == batch.c.id)
        return newest.order_by(c.fence.desc(), c.index.desc()).limit(1).scalar_subquery()

    columns: tuple[Any, ...] = (
        j.id, j.version, j.deleted_at, a.state, a.reason, a.fence, a.attempt, a.run_at, a.progress,
        a.cancel_requested_at, a.waits, r.fence.label("final"), last(c.fence).label("log_fence"),
        last(c.index).label("log_index"),
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns)
        .select_from(batch)
        .join(t.jobs, j.id == batch.c.id)
        .outerjoin(t.active_jobs, a.job_id == j.id)
        .outerjoin(t.runs, sa.and_(r.job_id == j.id, t.FINAL))
    )


def workflow(unit: Unit, workflow_id: str) -> Mark:
    """A mark of a workflow and its jobs. Reads each of its unfinished jobs by key."""
    counted = unit.rows(_read_counts(unit.dialect), workflow_id=workflow_id)
    active = unit.rows(_read_active(unit.dialect), workflow_id=workflow_id)
    return tuple(map(tuple, counted)), tuple(sorted(map(tuple, active)))


@cache
def _read_counts(dialect: Dialect) -> sa.Select[Any]:
    c = w.workflow_counts.c
    asked = sa.bindparam("workflow_id", type_=t.Uuid)
    columns: tuple[Any, ...] = (
        c.total, c.completed, c.failed, c.cancelled, c.skipped, c.expired, c.finished_at,
    )  # fmt: skip
    return dialect.read(sa.select(*columns).where(c.workflow_id == asked))


@cache
def _read_active(dialect: Dialect) -> sa.Select[Any]:
    a, n = t.active_jobs.c, w.workflow_jobs.c
    asked = sa.bindparam("workflow_id", type_=t.Uuid)
    columns: tuple[Any, ...] = (
        a.state, sa.func.count(), sa.cast(sa.func.sum(a.fence), sa.BigInteger),
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns)
        .join_from(w.workflow_jobs, t.active_jobs, a.job_id == n.job_id)
        .where(n.workflow_id == asked)
        .group_by(a.state)
    )


def all_workers(unit: Unit) -> Mark:
    """A mark of the fleet: who is there, in which state, and how busy all are together."""
    rows = unit.rows(_read_workers(unit.dialect))
    return tuple(map(tuple, rows))


@cache
def _read_workers(dialect: Dialect) -> sa.Select[Any]:
    c, a = t.workers.c, t.active_jobs.c
    held = sa.select(sa.func.count()).where(a.worker_id == c.id).scalar_subquery()
    columns: tuple[Any, ...] = (c.id, c.state, c.drain_requested, c.slots, held.label("held"))
    return dialect.read(sa.select(*columns).order_by(c.id.desc()).limit(1_000))


def all_schedules(unit: Unit) -> Mark:
    """A mark of all schedules. Reads the table."""
    return tuple(map(tuple, unit.rows(_read_schedules(unit.dialect))))


@cache
def _read_schedules(dialect: Dialect) -> sa.Select[Any]:
    c = schedules.c
    columns: tuple[Any, ...] = (
        sa.func.count(), sa.func.count(c.deleted_at), sa.func.count(c.paused_at),
        sa.cast(sa.func.sum(c.version), sa.BigInteger), sa.func.max(c.last_fired_at),
        sa.func.max(c.next_fire_at), sa.func.max(c.created_at),
    )  # fmt: skip
    return dialect.read(sa.select(*columns))


def all_operations(unit: Unit) -> Mark:
    """A mark of all operations, of those that go on step by step."""
    going = unit.rows(_read_going(unit.dialect))
    ended = unit.rows(_read_ended(unit.dialect))
    return tuple(map(tuple, going)), tuple(map(tuple, ended))


@cache
def _read_going(dialect: Dialect) -> sa.Select[Any]:
    c = operations.c
    return dialect.read(
        sa.select(c.id, c.phase, c.done, c.refused).where(GOING).order_by(c.id).limit(100)
    )


@cache
def _read_ended(dialect: Dialect) -> sa.Select[Any]:
    c = operations.c
    columns: tuple[Any, ...] = (
        sa.func.count(),
        sa.func.max(c.finished_at),
        sa.func.max(c.created_at),
    )
    return dialect.read(sa.select(*columns))
