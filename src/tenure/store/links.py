"""Tying new jobs to others: parents looked up and locked, edges and workflows written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.errors import FieldError, InvalidInput
from tenure.domain.job import NewJob, Tie
from tenure.domain.lifecycle import JobState
from tenure.domain.workflow import NewWorkflow
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dialect import Dialect
from tenure.store.sight import visible
from tenure.store.unit import ClosedEdge, Unit
from tenure.store.workflow_counts import FINAL_STATES, add_counts


def unfit(
    unit: Unit, jobs: Sequence[NewJob], only: str | None, pointer: str
) -> dict[int, InvalidInput]:
    """The jobs, by place, that name a parent that is not there, or not of the owner `only`
    unless that is None.

    `pointer` leads to a job of the request, `{}` standing for its place. Reads only.
    """
    own = {job.id for job in jobs}
    outside = {edge.parent_id for job in jobs for edge in job.edges} - own
    if not outside:
        return {}
    named = sorted((parent,) for parent in outside)
    known = {row[0] for row in unit.rows(_read_parents(unit.dialect), named, only=only)} | own
    refused: dict[int, InvalidInput] = {}
    for place, job in enumerate(jobs):
        wrong = [(n, e.parent_id) for n, e in enumerate(job.edges) if e.parent_id not in known]
        if wrong:
            at = pointer.format(place)
            errors = [
                FieldError(f"{at}/depends_on/{n}", f"there is no job {parent}")
                for n, parent in wrong[:20]
            ]
            first = errors[0]
            refused[place] = InvalidInput(
                f"{first.pointer[1:]}: {first.detail}", errors=tuple(errors)
            )
    return refused


@cache
def _read_parents(dialect: Dialect) -> sa.Select[Any]:
    j = t.jobs.c
    batch = dialect.batch(j.id)
    return dialect.read(
        sa.select(j.id)
        .join_from(batch, t.jobs, j.id == batch.c.id)
        .where(j.deleted_at.is_(None), visible(j.owner_id))
    )


def tie(unit: Unit, jobs: Sequence[NewJob], workflow: NewWorkflow | None) -> None:
    """Write the edges of new jobs and their workflow, and set what their rows say of it.

    Every job with edges starts out waiting for all of them; those whose parent has ended are
    closed by `ties.settle`. Locks the parents that are not among the jobs: unfinished ones in job
    order (FOR NO KEY UPDATE, their children bit changes), then the final runs of the others (FOR
    SHARE). No parent can end between that and the commit.
    """
    own = {job.id for job in jobs}
    outside = {edge.parent_id for job in jobs for edge in job.edges} - own
    ended = _lock_parents(unit, outside) if outside else {}
    inside = {edge.parent_id for job in jobs for edge in job.edges} & own
    for job in jobs:
        job.ties |= Tie.CHILDREN if job.id in inside else 0
        job.ties |= Tie.WORKFLOW if workflow is not None else 0
        if job.edges:
            job.ties |= Tie.PARENTS
            job.waits = len(job.edges)
            unit.closed += [
                ClosedEdge(job.id, edge.on, job.join, ended[edge.parent_id])
                for edge in job.edges
                if edge.parent_id in ended
            ]
    add_edges(
        unit,
        [
            (job.id, edge.parent_id, edge.on.value, job.join.value)
            for job in jobs
            for edge in job.edges
        ],
    )
    if workflow is not None:
        _insert_workflow(unit, workflow, jobs)


def _lock_parents(unit: Unit, parents: Iterable[str]) -> dict[str, JobState]:
    """Lock parents and mark those unfinished as having children; the others with their states."""
    left, ended, unmarked = set(parents), dict[str, JobState](), list[tuple[str]]()
    for _ in range(2):  # one that is retried at this moment is found in the second round
        for job_id, ties in unit.rows(_lock_active(unit.dialect), _keys(left)):
            left.discard(job_id)
            if not ties & Tie.CHILDREN:
                unmarked.append((job_id,))
        if left:
            found = unit.rows(_lock_final(unit.dialect), _keys(left))
            ended |= {row[0]: JobState(row[1]) for row in found}
            left -= ended.keys()
        if not left:
            break
    if unmarked:
        mark(unit, unmarked, Tie.CHILDREN)
    # Deleted or pruned since it was looked up: it will never complete.
    return ended | dict.fromkeys(left, JobState.CANCELLED)


def _keys(ids: Iterable[str]) -> list[tuple[str]]:
    return sorted((id_,) for id_ in ids)


@cache
def _lock_active(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id)
    return dialect.read(
        sa.select(a.job_id, a.ties)
        .join_from(batch, t.active_jobs, a.job_id == batch.c.job_id)
        .order_by(a.job_id)
        .with_for_update(of=t.active_jobs, key_share=True)
    )


@cache
def _lock_final(dialect: Dialect) -> sa.Select[Any]:
    r = t.runs.c
    batch = dialect.batch(r.job_id)
    return dialect.read(
        sa.select(r.job_id, r.final_state)
        .join_from(batch, t.runs, r.job_id == batch.c.job_id)
        .where(t.FINAL)
        .order_by(r.job_id)
        .with_for_update(of=t.runs, read=True)
    )


def mark(unit: Unit, jobs: list[tuple[str]], tie_: Tie) -> None:
    """Set a bit of the ties of locked active rows."""
    unit.execute(_mark(unit.dialect), sorted(jobs), bit=int(tie_))


@cache
def _mark(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id)
    return (
        sa.update(t.active_jobs)
        .where(a.job_id.in_(sa.select(batch.c.job_id)))
        .values(ties=a.ties.bitwise_or(sa.bindparam("bit", type_=t.Integer)))
    )


def add_edges(unit: Unit, rows: list[tuple[str, str, str, str]]) -> None:
    """Append edges: (child, parent, condition, join) each."""
    if rows:
        unit.execute(_insert_edges(unit.dialect), rows)


@cache
def _insert_edges(dialect: Dialect) -> sa.Executable:
    d = w.dependencies.c
    columns = (d.job_id, d.parent_id, d.condition, d.joined)
    batch = dialect.batch(*columns)
    return sa.insert(w.dependencies).from_select([c.name for c in columns], sa.select(*batch.c))


def _insert_workflow(unit: Unit, workflow: NewWorkflow, jobs: Sequence[NewJob]) -> None:
    unit.execute(
        sa.insert(w.workflows),
        id=workflow.id,
        name=workflow.name,
        owner_id=workflow.owner_id,
        created_at=unit.now,
    )
    add_nodes(unit, workflow.id, jobs)


def add_nodes(unit: Unit, workflow_id: str, jobs: Sequence[NewJob]) -> None:
    """Put jobs into a workflow, by their key or else their id."""
    rows = [(workflow_id, job.key or job.id, job.id) for job in jobs]
    unit.execute(_insert_nodes(unit.dialect), rows)
    add_counts(unit, [(workflow_id, len(jobs), *(0 for _ in FINAL_STATES))])


@cache
def _insert_nodes(dialect: Dialect) -> sa.Executable:
    c = w.workflow_jobs.c
    columns = (c.workflow_id, c.key, c.job_id)
    batch = dialect.batch(*columns)
    return sa.insert(w.workflow_jobs).from_select([c.name for c in columns], sa.select(*batch.c))
