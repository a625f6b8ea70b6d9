"""Jobs that a running job adds: they join its workflow, and who waits for it waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.errors import Conflict, InvalidInput, LeaseLost, TenureError, TooLarge
from tenure.domain.job import NewJob, Tie
from tenure.domain.run import LeaseRef
from tenure.domain.workflow import MAX_NODES
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dependents import descendants, lock_waiting
from tenure.store.dialect import Dialect
from tenure.store.links import add_edges, add_nodes
from tenure.store.sight import visible
from tenure.store.submits import Submission, submit
from tenure.store.unit import Unit
from tenure.store.workflow_counts import workflows_of
from tenure.store.workflows import lock_workflow, standing


def add(
    unit: Unit,
    job: NewJob,
    caller: LeaseRef,
    at: int,
    worker_id: str | None = None,
    only: str | None = None,
) -> str:
    """Submit a job for a running one; its id, or that of the job which has its key already.

    The new job joins the caller's workflow, if it has one, takes its owner, and every child of the
    caller waits for it too. `job.key` is unique in the workflow, without one among the jobs of the
    caller. `worker_id`, `only`: the worker that must hold the caller, the owner it must have, any
    when None. Locks the workflow, the caller, then its waiting children. Raises LeaseLost for a
    lease that has ended or is another's, Conflict when the workflow was cancelled, TooLarge when it
    is full, InvalidInput.
    """
    workflow_id = workflows_of(unit, [caller.job_id]).get(caller.job_id)
    cancelled = None if workflow_id is None else lock_workflow(unit, workflow_id, None)
    job.owner_id = _owner_of(unit, caller, worker_id, only)
    if workflow_id is not None:
        known = _node(unit, workflow_id, job.key)
        if known is not None:
            return known
        if cancelled is not None:
            raise Conflict("the workflow was cancelled, no job joins it")
        if standing(unit, workflow_id)[1] >= MAX_NODES:
            raise TooLarge(f"a workflow takes at most {MAX_NODES} jobs")
        job.ties |= Tie.WORKFLOW
    edges = unit.rows(_read_children(unit.dialect), job_id=caller.job_id)
    _refuse_cycle(unit, job, [edge[0] for edge in edges])
    if edges:
        job.ties |= Tie.CHILDREN
    known = _submit(unit, job, caller, at, keyed=workflow_id is None)
    if known is not None:
        return known
    if workflow_id is not None:
        add_nodes(unit, workflow_id, [job])
    _wait_for_it(unit, job.id, edges)
    return job.id


def _owner_of(unit: Unit, caller: LeaseRef, worker_id: str | None, only: str | None) -> str | None:
    """Lock the caller; its owner."""
    held = unit.rows(
        _lock_caller(unit.dialect),
        job_id=caller.job_id,
        fence=caller.fence,
        worker=worker_id,
        only=only,
    )
    if not held:
        raise LeaseLost(f"job {caller.job_id} no longer runs under fence {caller.fence}")
    owner_id: str | None = held[0][1]
    return owner_id


def _submit(unit: Unit, job: NewJob, caller: LeaseRef, at: int, *, keyed: bool) -> str | None:
    """Insert the job; the id of the one that has its key, when it is guarded by its caller."""
    request = Submission([job], at, tied=True, pointer="", only=job.owner_id)
    if keyed and job.key is not None:
        request.owner, request.key = f"job:{caller.job_id}", job.key
    (answer,) = submit(unit, [request])
    if isinstance(answer, TenureError):
        raise answer
    return answer.existing.get(0)


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
    a, j, worker = t.active_jobs.c, t.jobs.c, sa.bindparam("worker", type_=t.Uuid)
    return dialect.read(
        sa.select(a.job_id, j.owner_id)
        .join_from(t.active_jobs, t.jobs, j.id == a.job_id)
        .where(
            a.job_id == sa.bindparam("job_id", type_=t.Uuid),
            a.fence == sa.bindparam("fence", type_=sa.BigInteger()),
            t.LEASED,
            sa.or_(worker.is_(None), a.worker_id == worker),
            visible(j.owner_id),
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
    waiting = lock_waiting(unit, [edge[0] for edge in edges])
    if waiting:
        unit.execute(_wait_for_one_more(unit.dialect), [(row.job_id,) for row in waiting])


@cache
def _wait_for_one_more(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id)
    return (
        sa.update(t.active_jobs)
        .where(a.job_id.in_(sa.select(batch.c.job_id)))
        .values(waits=a.waits + sa.literal_column("1"))
    )
