"""Deleting what ties old jobs to others: edges, and workflows that have no job left."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit
from tenure.store.workflow_counts import workflows_of


def needed_parents(unit: Unit, job_ids: list[str]) -> set[str]:
    """Those of the jobs that an unfinished one depends on. Reads only."""
    rows = unit.rows(_read_needed(unit.dialect), sorted((job_id,) for job_id in job_ids))
    return {row[0] for row in rows}


@cache
def _read_needed(dialect: Dialect) -> sa.Select[Any]:
    d = w.dependencies.c
    batch = dialect.batch(d.parent_id)
    unfinished = (
        sa.select(d.job_id)
        .join_from(w.dependencies, t.active_jobs, t.active_jobs.c.job_id == d.job_id)
        .where(d.parent_id == batch.c.parent_id)
    )
    return dialect.read(sa.select(batch.c.parent_id).where(unfinished.exists()))


def forget(unit: Unit, job_ids: list[str]) -> None:
    """Delete the edges of finished jobs, their places in workflows, and workflows left empty.

    Locks the workflows in order of id.
    """
    keys = sorted((job_id,) for job_id in job_ids)
    workflows = set(workflows_of(unit, job_ids).values())
    rows = sorted((workflow_id,) for workflow_id in workflows)
    if rows:  # who deletes the last job must see that it is the last
        unit.rows(_lock_workflows(unit.dialect), rows)
    for column in (w.dependencies.c.job_id, w.dependencies.c.parent_id, w.workflow_jobs.c.job_id):
        unit.execute(_delete_of(unit.dialect, column), keys)
    if rows:
        for column in (w.workflow_counts.c.workflow_id, w.workflows.c.id):
            unit.execute(_delete_empty(unit.dialect, column), rows)


@cache
def _lock_workflows(dialect: Dialect) -> sa.Select[Any]:
    c = w.workflows.c
    batch = dialect.batch(c.id)
    return dialect.read(
        sa.select(c.id)
        .join_from(batch, w.workflows, c.id == batch.c.id)
        .order_by(c.id)
        .with_for_update(of=w.workflows)
    )


@cache
def _delete_of(dialect: Dialect, column: sa.Column[Any]) -> sa.Executable:
    batch = dialect.batch(t.jobs.c.id)
    return sa.delete(column.table).where(column.in_(sa.select(batch.c.id)))


@cache
def _delete_empty(dialect: Dialect, column: sa.Column[Any]) -> sa.Executable:
    batch = dialect.batch(t.jobs.c.id)
    left = sa.select(w.workflow_jobs.c.job_id).where(w.workflow_jobs.c.workflow_id == column)
    return sa.delete(column.table).where(column.in_(sa.select(batch.c.id)), ~left.exists())
