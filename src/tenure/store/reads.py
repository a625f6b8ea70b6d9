"""Reading jobs with their state, and their runs. Deleted jobs are not there."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import JobNotFound, RunNotFound
from tenure.store import naming
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dialect import Dialect
from tenure.store.sight import visible
from tenure.store.unit import Unit


class JobRow(NamedTuple):
    """A job with its state. Instants in microseconds; payload, options, tags, progress, error and
    result are JSON text. `run_at` and `max_attempts` are None once it has ended."""

    id: str
    type: str
    queue: str
    name: str | None
    priority: int
    payload: str
    options: str | None
    tags: str | None
    owner_id: str | None
    created_at: int
    version: int
    state: str
    reason: str | None
    attempt: int
    lost: int
    worker_id: str | None
    started_at: int | None
    progress: str | None
    run_at: int | None
    max_attempts: int | None
    cancel_requested: int | None
    finished_at: int | None
    error: str | None
    result: str | None
    workflow_id: str | None
    key: str | None
    schedule_id: str | None
    nominal_at: int | None


class RunRow(NamedTuple):
    """One attempt; `outcome` and `finished_at` are None while it runs."""

    fence: int
    attempt: int
    worker_id: str | None
    started_at: int | None
    finished_at: int | None
    outcome: str | None
    error: str | None
    result: str | None


def job(unit: Unit, job_id: str, only: str | None = None) -> JobRow:
    """One job by its id, of the owner `only` unless that is None. Raises JobNotFound."""
    rows = jobs(unit, [job_id], only)
    if not rows:
        raise JobNotFound(f"there is no job {job_id}")
    return rows[0]


def jobs(unit: Unit, job_ids: list[str], only: str | None = None) -> list[JobRow]:
    """Jobs by id, in the order of `job_ids`; those that are not there, or not of the owner `only`
    unless that is None, are left out."""
    rows = unit.rows(_read_jobs(unit.dialect), [(job_id,) for job_id in job_ids], only=only)
    found = {row[0]: JobRow._make(row) for row in rows}
    return [found[job_id] for job_id in job_ids if job_id in found]


@cache
def _read_jobs(dialect: Dialect) -> sa.Select[Any]:
    j, a, r, n = t.jobs.c, t.active_jobs.c, t.runs.c, w.workflow_jobs.c
    batch = dialect.batch(j.id)
    columns = (
        j.id, j.type, j.queue, j.name, j.priority, j.payload, j.options, j.tags, j.owner_id,
        j.created_at, j.version,
        sa.func.coalesce(a.state, r.final_state).label("state"),
        sa.func.coalesce(a.reason, r.reason).label("reason"),
        sa.func.coalesce(a.attempt, r.attempt).label("attempt"),
        sa.func.coalesce(a.lost, r.lost).label("lost"),
        sa.func.coalesce(a.worker_id, r.worker_id).label("worker_id"),
        sa.func.coalesce(a.started_at, r.started_at).label("started_at"),
        sa.func.coalesce(a.progress, r.progress).label("progress"),
        a.run_at, a.max_attempts,
        sa.case((a.cancel_requested_at.is_not(None), 1), else_=r.cancel_requested).label("cancel"),
        r.finished_at,
        sa.case((a.worker_id.is_not(None), None), (a.fence > 0, _last_error()), else_=r.error)
        .label("error"),
        r.result, n.workflow_id, n.key, j.schedule_id, j.nominal_at,
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns)
        .select_from(batch)
        .join(t.jobs, j.id == batch.c.id)
        .outerjoin(w.workflow_jobs, n.job_id == j.id)
        .outerjoin(t.active_jobs, a.job_id == j.id)
        .outerjoin(t.runs, sa.and_(r.job_id == j.id, t.FINAL))
        .where(j.deleted_at.is_(None), sa.or_(a.state.is_not(None), t.FINAL), visible(j.owner_id))
    )


def _last_error() -> sa.ScalarSelect[Any]:
    """Why the last attempt of a job that goes on failed."""
    last = t.runs.alias("last")
    return (
        sa.select(last.c.error)
        .where(last.c.job_id == t.jobs.c.id)
        .order_by(last.c.fence.desc())
        .limit(1)
        .correlate(t.jobs)
        .scalar_subquery()
    )


def known(unit: Unit, job_id: str, only: str | None = None) -> str:
    """The id, when the job is there and of the owner `only` (any: None). Raises JobNotFound."""
    if not unit.rows(_read_known(unit.dialect), job_id=job_id, only=only):
        raise JobNotFound(f"there is no job {job_id}")
    return job_id


@cache
def _read_known(dialect: Dialect) -> sa.Select[Any]:
    j = t.jobs.c
    return dialect.read(
        sa.select(j.id).where(
            j.id == sa.bindparam("job_id"), j.deleted_at.is_(None), visible(j.owner_id)
        )
    )


def resolve(unit: Unit, text: str, only: str | None = None) -> str:
    """The id of a job from its beginning; see `naming.resolve`. Raises JobNotFound."""
    return naming.resolve(unit, t.jobs, text, JobNotFound, "job", only)


def runs(unit: Unit, job_id: str, limit: int) -> list[RunRow]:
    """The last `limit` attempts of a job in order of fence, the running one last.

    An end without an attempt (a job cancelled while it waited) is none.
    """
    rows = unit.rows(_read_runs(unit.dialect, False), job_id=job_id, limit=limit)
    return [RunRow._make(row) for row in reversed(rows)]


def run(unit: Unit, job_id: str, fence: int) -> RunRow:
    """One attempt. Raises RunNotFound."""
    rows = unit.rows(_read_runs(unit.dialect, True), job_id=job_id, limit=1, fence=fence)
    if not rows:
        raise RunNotFound(f"job {job_id} has no run with fence {fence}")
    return RunRow._make(rows[0])


@cache
def _read_runs(dialect: Dialect, one: bool) -> sa.Select[Any]:
    """Newest first."""
    r, a = t.runs.c, t.active_jobs.c
    none = (sa.cast(sa.null(), t.Micros), *(sa.cast(sa.null(), t.Text) for _ in range(3)))
    columns: tuple[Any, ...] = (
        r.fence, r.attempt, r.worker_id, r.started_at, r.finished_at, r.outcome, r.error, r.result,
    )  # fmt: skip
    job_id = sa.bindparam("job_id", type_=t.Uuid)
    ended = sa.select(*columns).where(r.job_id == job_id, r.started_at.is_not(None))
    running = sa.select(a.fence, a.attempt, a.worker_id, a.started_at, *none).where(
        a.job_id == job_id, t.LEASED
    )
    if one:
        fence = sa.bindparam("fence", type_=sa.BigInteger())
        ended, running = ended.where(r.fence == fence), running.where(a.fence == fence)
    limit = sa.bindparam("limit", type_=t.Integer)
    last = ended.order_by(r.fence.desc()).limit(limit).subquery("last")
    both = sa.union_all(sa.select(last), running).subquery("both")
    return dialect.read(sa.select(both).order_by(both.c.fence.desc()).limit(limit))
