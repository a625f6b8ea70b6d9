"""What a person does to a whole workflow."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.errors import (
    IllegalTransition,
    WorkflowNotFound,
)
from tenure.domain.lifecycle import Event, JobState, step
from tenure.domain.workflow import WorkflowState, workflow_state
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.control import Action
from tenure.store.dialect import Dialect
from tenure.store.events import Happening, record
from tenure.store.finals import Unstarted, end_waiting
from tenure.store.replays import replay
from tenure.store.sight import visible
from tenure.store.ties import end
from tenure.store.unit import Unit
from tenure.store.workflow_counts import FINAL_STATES


def cancel(unit: Unit, workflow_id: str, action: Action) -> None:
    """Stop every job of a workflow that is not finished; running ones through their workers.

    After the commit none of its jobs is leased any more and none joins it. Repeatable. Locks the
    workflow, then its active rows in job order. Raises WorkflowNotFound, and IllegalTransition when
    it is finished.
    """
    lock_workflow(unit, workflow_id, action.only)
    state, _ = standing(unit, workflow_id)
    if state is WorkflowState.CANCELLED:
        return
    if state is not WorkflowState.RUNNING:
        raise IllegalTransition(f"a workflow that is {state} cannot be cancelled")
    unit.execute(_set_cancelled(), workflow=workflow_id, at=unit.now)
    rows = unit.rows(_lock_active(unit.dialect), workflow_id=workflow_id)
    waiting = [row for row in rows if row[6] is None]
    running = [row for row in rows if row[6] is not None and row[7] is None]
    if running:
        keys = sorted((row[0],) for row in running)
        unit.execute(_request_cancels(unit.dialect), keys, at=unit.now, why=action.reason)
        unit.woken.update(row[6] for row in running)
    if waiting:
        _end_cancelled(unit, waiting)
    touched = [row[0] for row in (*waiting, *running)]
    record(unit, [Happening("cancel", job_id, action.actor, action.reason) for job_id in touched])


def _end_cancelled(unit: Unit, rows: list[Any]) -> None:
    ends = [
        Unstarted(row[0], row[1], row[2], row[3], step(JobState(row[4]), Event.CANCEL))
        for row in rows
    ]
    end_waiting(unit, ends)
    for row in rows:
        unit.count(row[8], row[9], "cancelled")
    end(unit, [(row[0], JobState.CANCELLED, row[5]) for row in rows])


def lock_workflow(unit: Unit, workflow_id: str, only: str | None) -> int | None:
    """Lock a workflow, of the owner `only` unless that is None; when it was cancelled. Raises
    WorkflowNotFound."""
    rows = unit.rows(_lock(unit.dialect), workflow_id=workflow_id, only=only)
    if not rows:
        raise WorkflowNotFound(f"there is no workflow {workflow_id}")
    found: int | None = rows[0][0]
    return found


@cache
def _lock(dialect: Dialect) -> sa.Select[Any]:
    c = w.workflows.c
    return dialect.read(
        sa.select(c.cancelled_at)
        .where(c.id == sa.bindparam("workflow_id", type_=t.Uuid), visible(c.owner_id))
        .with_for_update()
    )


def standing(unit: Unit, workflow_id: str) -> tuple[WorkflowState, int]:
    """The state of a workflow and how many jobs it has."""
    ((total, *ended),) = unit.rows(_read_counts(unit.dialect), workflow_id=workflow_id)
    return workflow_state(dict(zip(FINAL_STATES, ended, strict=True)), total), total


@cache
def _read_counts(dialect: Dialect) -> sa.Select[Any]:
    c = w.workflow_counts.c
    return dialect.read(
        sa.select(c.total, *(c[state] for state in FINAL_STATES)).where(
            c.workflow_id == sa.bindparam("workflow_id", type_=t.Uuid)
        )
    )


@cache
def _set_cancelled() -> sa.Update:
    c = w.workflows.c
    return (
        sa.update(w.workflows)
        .where(c.id == sa.bindparam("workflow", type_=t.Uuid))
        .values(cancelled_at=sa.bindparam("at"))
    )


@cache
def _lock_active(dialect: Dialect) -> sa.Select[Any]:
    a, n = t.active_jobs.c, w.workflow_jobs.c
    return dialect.read(
        sa.select(
            a.job_id, a.fence, a.attempt, a.lost, a.state, a.ties, a.worker_id,
            a.cancel_requested_at, a.queue, a.type,
        )
        .join_from(w.workflow_jobs, t.active_jobs, a.job_id == n.job_id)
        .where(n.workflow_id == sa.bindparam("workflow_id", type_=t.Uuid))
        .order_by(a.job_id)
        .with_for_update(of=t.active_jobs)
    )  # fmt: skip


@cache
def _request_cancels(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id)
    return (
        sa.update(t.active_jobs)
        .where(a.job_id.in_(sa.select(batch.c.job_id)))
        .values(cancel_requested_at=sa.bindparam("at"), cancel_reason=sa.bindparam("why"))
    )


RETRIED = frozenset({JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED})
"""What `retry` runs again; the skipped jobs below come with them."""


def retry(unit: Unit, workflow_id: str, action: Action) -> None:
    """Run again what failed, expired or was cancelled, and let wait what was skipped because of it.

    Locks the workflow, then as `replays.replay`. Raises WorkflowNotFound, IllegalTransition when
    there is no such job, Forbidden when one is a script that the action may not run.
    """
    lock_workflow(unit, workflow_id, action.only)
    rows = unit.rows(_read_ended(unit.dialect), workflow_id=workflow_id)
    again = [row[0] for row in rows if row[1] in RETRIED]
    for _, state, type_ in rows:
        if state in RETRIED or state == JobState.SKIPPED:
            action.check_script(type_)
    if not again:
        raise IllegalTransition("no job of this workflow failed, expired or was cancelled")
    unit.execute(_set_cancelled(), workflow=workflow_id, at=None)
    more = replay(unit, again)
    told = {"workflow_id": workflow_id}
    record(
        unit,
        [Happening("retry", id_, action.actor, action.reason, told) for id_ in (*again, *more)],
    )


@cache
def _read_ended(dialect: Dialect) -> sa.Select[Any]:
    r, n, j = t.runs.c, w.workflow_jobs.c, t.jobs.c
    return dialect.read(
        sa.select(r.job_id, r.final_state, j.type)
        .join_from(w.workflow_jobs, t.runs, r.job_id == n.job_id)
        .join(t.jobs, j.id == n.job_id)
        .where(n.workflow_id == sa.bindparam("workflow_id", type_=t.Uuid), t.FINAL)
        .order_by(r.job_id)
    )
