"""What a person does to a whole workflow, and jobs that its running jobs add."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.edges import Join
from tenure.domain.errors import (
    Conflict,
    IllegalTransition,
    InvalidInput,
    LeaseLost,
    TooLarge,
    WorkflowNotFound,
)
from tenure.domain.job import NewJob, Tie
from tenure.domain.lifecycle import Event, JobState, step
from tenure.domain.run import LeaseRef
from tenure.domain.workflow import MAX_NODES, WorkflowState, workflow_state
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.control import Action
from tenure.store.dependents import descendants, lock_waiting
from tenure.store.dialect import Dialect
from tenure.store.events import Happening, record
from tenure.store.finals import Unstarted, end_waiting
from tenure.store.links import add_edges, add_nodes
from tenure.store.replays import replay
from tenure.store.submits import Submission, submit
from tenure.store.ties import end
from tenure.store.unit import Unit
from tenure.store.workflow_counts import FINAL_STATES, workflows_of


def cancel(unit: Unit, workflow_id: str, action: Action) -> None:
    """Stop every job of a workflow that is not finished; running ones through their workers.

    After the commit none of its jobs is leased any more and none joins it. Repeatable. Locks the
    workflow, then its active rows in job order. Raises WorkflowNotFound, and IllegalTransition when
    it is finished.
    """
    _lock_workflow(unit, workflow_id)
    state, _ = _standing(unit, workflow_id)
    if state is WorkflowState.CANCELLED:
        return
    if state is not WorkflowState.RUNNING:
        raise IllegalTransition(f"a workflow that is {state} cannot cancel")
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


def _lock_workflow(unit: Unit, workflow_id: str) -> int | None:
    """Lock a workflow; when it was cancelled. Raises WorkflowNotFound."""
    rows = unit.rows(_lock(unit.dialect), workflow_id=workflow_id)
    if not rows:
        raise WorkflowNotFound(f"there is no workflow {workflow_id}")
    found: int | None = rows[0][0]
    return found


@cache
def _lock(dialect: Dialect) -> sa.Select[Any]:
    c = w.workflows.c
    return dialect.read(
        sa.select(c.cancelled_at)
        .where(c.id == sa.bindparam("workflow_id", type_=t.Uuid))
        .with_for_update()
    )


def _standing(unit: Unit, workflow_id: str) -> tuple[WorkflowState, int]:
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

    Locks the workflow, then as `replays.replay`. Raises WorkflowNotFound, and IllegalTransition
    when there is no such job.
    """
    _lock_workflow(unit, workflow_id)
    rows = unit.rows(_read_ended(unit.dialect), workflow_id=workflow_id)
    again = [row[0] for row in rows if row[1] in RETRIED]
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
    r, n = t.runs.c, w.workflow_jobs.c
    return dialect.read(
        sa.select(r.job_id, r.final_state)
        .join_from(w.workflow_jobs, t.runs, r.job_id == n.job_id)
        .where(n.workflow_id == sa.bindparam("workflow_id", type_=t.Uuid), t.FINAL)
        .order_by(r.job_id)
    )


def add(unit: Unit, job: NewJob, caller: LeaseRef, at: int) -> str:
    """Submit a job for a running one; its id, or that of the job which has its key already.

    The new job joins the caller's workflow, if it has one, takes its owner, and every child of the
    caller waits for it too. `job.key` is unique in the workflow, without one among the jobs of the
    caller. Locks the workflow, the caller, then its waiting children. Raises LeaseLost for an ended
    lease, Conflict when the workflow was cancelled, TooLarge when it is full, InvalidInput.
    """
    workflow_id = workflows_of(unit, [caller.job_id]).get(caller.job_id)
    cancelled = None if workflow_id is None else _lock_workflow(unit, workflow_id)
    held = unit.rows(_lock_caller(unit.dialect), job_id=caller.job_id, fence=caller.fence)
    if not held:
        raise LeaseLost(f"job {caller.job_id} no longer runs under fence {caller.fence}")
    if workflow_id is not None:
        known = _node(unit, workflow_id, job.key)
        if known is not None:
            return known
        if cancelled is not None:
            raise Conflict("the workflow was cancelled, no job joins it")
        if _standing(unit, workflow_id)[1] >= MAX_NODES:
            raise TooLarge(f"a workflow takes at most {MAX_NODES} jobs")
    job.owner_id = held[0][1]
    scope = "" if workflow_id is not None or job.key is None else f"job:{caller.job_id}"
    edges = unit.rows(_read_children(unit.dialect), job_id=caller.job_id)
    _refuse_cycle(unit, job, [edge[0] for edge in edges])
    if workflow_id is not None:
        job.ties |= Tie.WORKFLOW
    if edges:
        job.ties |= Tie.CHILDREN
    request = Submission([job], at, owner=scope, tied=True, pointer="")
    if scope:
        request.key, request.digest = job.key, ""
    (answer,) = submit(unit, [request])
    if isinstance(answer, InvalidInput):
        raise answer
    if answer.existing:
        return answer.existing[0]
    if workflow_id is not None:
        add_nodes(unit, workflow_id, [job])
    _wait_for_it(unit, job.id, edges)
    return job.id


def _node(unit: Unit, workflow_id: str, key: str | None) -> str | None:
    """The job of a workflow that has this key."""
    if key is None:
        return None
    rows = unit.rows(_read_node(unit.dialect), workflow_id=workflow_id, key=key)
    return rows[0][0] if rows else None


@cache
def _read_node(dialect: Dialect) -> sa.Select[Any]:
    n = w.workflow_jobs.c
    return dialect.read(
        sa.select(n.job_id).where(
            n.workflow_id == sa.bindparam("workflow_id", type_=t.Uuid),
            n.key == sa.bindparam("key"),
        )
    )


@cache
def _lock_caller(dialect: Dialect) -> sa.Select[Any]:
    a, j = t.active_jobs.c, t.jobs.c
    return dialect.read(
        sa.select(a.job_id, j.owner_id)
        .join_from(t.active_jobs, t.jobs, j.id == a.job_id)
        .where(
            a.job_id == sa.bindparam("job_id", type_=t.Uuid),
            a.fence == sa.bindparam("fence", type_=sa.BigInteger()),
            t.LEASED,
        )
        .with_for_update(of=t.active_jobs)
    )


@cache
def _read_children(dialect: Dialect) -> sa.Select[Any]:
    d = w.dependencies.c
    return dialect.read(
        sa.select(d.job_id, d.condition, d.joined)
        .where(d.parent_id == sa.bindparam("job_id", type_=t.Uuid))
        .order_by(d.job_id)
    )


def _refuse_cycle(unit: Unit, job: NewJob, children: list[str]) -> None:
    """A job that every child of its caller waits for must not wait for one of those."""
    if not (children and job.edges):
        return
    below = descendants(unit, children).union(children)
    for place, edge in enumerate(job.edges):
        if edge.parent_id in below:
            raise InvalidInput.field(
                f"depends_on/{place}", f"{edge.parent_id} waits for the job that submits this one"
            )


def _wait_for_it(unit: Unit, job_id: str, edges: Sequence[Any]) -> None:
    """Every child of the caller waits for the new job as it waits for the caller."""
    if not edges:
        return
    add_edges(unit, [(child, job_id, on, join) for child, on, join in edges])
    joins = {child: Join(join) for child, _, join in edges}
    rows = lock_waiting(unit, joins)
    more = [row.job_id for row in rows if row.waits or joins[row.job_id] is Join.ALL]
    if more:
        unit.execute(_wait_for_one_more(unit.dialect), sorted((child,) for child in more))


@cache
def _wait_for_one_more(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id)
    return (
        sa.update(t.active_jobs)
        .where(a.job_id.in_(sa.select(batch.c.job_id)))
        .values(waits=a.waits + sa.literal_column("1"))
    )
