"""Reading workflows: how far they are, and their graph."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import WorkflowNotFound
from tenure.domain.query import LAST_ID
from tenure.domain.workflow import WorkflowState, workflow_state
from tenure.store import naming
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dialect import Dialect
from tenure.store.sight import owned, visible
from tenure.store.unit import Unit
from tenure.store.workflow_counts import FINAL_STATES

MAX_EXAMINED = 10_000
"""Rows that one page reads: workflows looked at, and unfinished jobs counted."""


@dataclass(slots=True)
class WorkflowRow:
    """A workflow with the number of its jobs in every state that occurs. Instants in
    microseconds."""

    id: str
    name: str | None
    owner_id: str | None
    created_at: int
    finished_at: int | None
    total: int
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def state(self) -> WorkflowState:
        final = {state: self.counts.get(state, 0) for state in FINAL_STATES}
        return workflow_state(final, self.total)

    @property
    def unfinished(self) -> int:
        return self.total - sum(self.counts.get(state, 0) for state in FINAL_STATES)


class NodeRow(NamedTuple):
    """One job of a workflow. Instants in microseconds."""

    key: str
    job_id: str
    type: str
    name: str | None
    state: str
    reason: str | None
    attempt: int
    started_at: int | None
    finished_at: int | None


class EdgeRow(NamedTuple):
    """An edge of a workflow; `key` of the parent is None for a job outside."""

    job_id: str
    parent_id: str
    condition: str
    join: str
    key: str | None


def resolve(unit: Unit, text: str, only: str | None = None) -> str:
    """The id of a workflow from its beginning; see `naming.resolve`. Raises WorkflowNotFound."""
    return naming.resolve(unit, w.workflows, text, WorkflowNotFound, "workflow", only)


def workflow(unit: Unit, workflow_id: str, only: str | None = None) -> WorkflowRow:
    """One workflow by its id, of the owner `only` unless that is None. Raises WorkflowNotFound."""
    rows = unit.rows(_read_one(unit.dialect), workflow_id=workflow_id, only=only)
    if not rows:
        raise WorkflowNotFound(f"there is no workflow {workflow_id}")
    found = [_row(rows[0])]
    _count_unfinished(unit, found)
    return found[0]


def finished(unit: Unit, workflow_id: str) -> bool:
    """Whether every job of a workflow has ended. One row by its key."""
    rows = unit.rows(_read_finished(unit.dialect), workflow_id=workflow_id)
    return bool(rows) and rows[0][0] is not None


@cache
def _read_finished(dialect: Dialect) -> sa.Select[Any]:
    c = w.workflow_counts.c
    return dialect.read(
        sa.select(c.finished_at).where(c.workflow_id == sa.bindparam("workflow_id", type_=t.Uuid))
    )


def _columns() -> tuple[sa.ColumnElement[Any], ...]:
    c, n = w.workflows.c, w.workflow_counts.c
    return (
        c.id, c.name, c.owner_id, c.created_at, n.finished_at, n.total,
        *(n[state] for state in FINAL_STATES),
    )  # fmt: skip


def _joined() -> sa.Select[Any]:
    return sa.select(*_columns()).join_from(
        w.workflows, w.workflow_counts, w.workflow_counts.c.workflow_id == w.workflows.c.id
    )


def _row(row: Any) -> WorkflowRow:
    id_, name, owner_id, created_at, finished_at, total, *ended = row
    counts = {state: n for state, n in zip(FINAL_STATES, ended, strict=True) if n}
    return WorkflowRow(id_, name, owner_id, created_at, finished_at, total, counts)


@cache
def _read_one(dialect: Dialect) -> sa.Select[Any]:
    return dialect.read(
        _joined().where(
            w.workflows.c.id == sa.bindparam("workflow_id", type_=t.Uuid),
            visible(w.workflows.c.owner_id),
        )
    )


def _count_unfinished(unit: Unit, rows: list[WorkflowRow]) -> None:
    """Add the numbers of jobs in other than final states, one range of jobs a workflow."""
    by_id = {row.id: row for row in rows if row.unfinished}
    if by_id:
        keys = sorted((id_,) for id_ in by_id)
        for id_, state, number in unit.rows(_read_unfinished(unit.dialect), keys):
            by_id[id_].counts[state] = number


@cache
def _read_unfinished(dialect: Dialect) -> sa.Select[Any]:
    n, a = w.workflow_jobs.c, t.active_jobs.c
    batch = dialect.batch(n.workflow_id)
    number: Any = sa.func.count().label("number")
    return dialect.read(
        sa.select(n.workflow_id, a.state, number)
        .select_from(batch)
        .join(w.workflow_jobs, n.workflow_id == batch.c.workflow_id)
        .join(t.active_jobs, a.job_id == n.job_id)
        .group_by(n.workflow_id, a.state)
    )


def workflows(
    unit: Unit,
    state: WorkflowState | None,
    below: str | None,
    limit: int,
    only: str | None = None,
) -> tuple[list[WorkflowRow], str | None]:
    """Workflows newest first, below an id, of one state or all, of the owner `only` or all; and
    the id to go on below.

    Looks at MAX_EXAMINED workflows at most, and cuts the page where their unfinished jobs would be
    more than that: a page may be short while it goes on.
    """
    own = only is not None
    params: dict[str, Any] = {"below": below or LAST_ID, "only": only}
    found = unit.rows(_read_page(unit.dialect, state, own), limit=limit + 1, **params)
    rows, more = [_row(row) for row in found[:limit]], len(found) > limit
    following = rows[-1].id if more else None
    if not more:
        last = unit.rows(_read_last(unit.dialect, own), **params)
        following = last[0][0] if last else None
    total = 0
    for place, row in enumerate(rows):
        total += row.unfinished
        if total > MAX_EXAMINED and place:
            rows, following = rows[:place], rows[place - 1].id
            break
    _count_unfinished(unit, rows)
    return rows, following


def _below(found: sa.Select[Any], own: bool) -> sa.Select[Any]:
    """Workflows below an id, newest first, all or those of one owner."""
    c = w.workflows.c
    found = found.where(c.id < sa.bindparam("below", type_=t.Uuid)).order_by(c.id.desc())
    return found.where(owned(c.owner_id)) if own else found


@cache
def _read_page(dialect: Dialect, state: WorkflowState | None, own: bool) -> sa.Select[Any]:
    seen = _below(_joined(), own).limit(MAX_EXAMINED).subquery("seen")
    page = (
        sa.select(*seen.c).order_by(seen.c.id.desc()).limit(sa.bindparam("limit", type_=t.Integer))
    )
    return dialect.read(page if state is None else page.where(_is(seen.c, state)))


def _is(c: Any, state: WorkflowState) -> sa.ColumnElement[bool]:
    """What `domain.workflow.workflow_state` says, of a row."""
    bad: sa.ColumnElement[int] = c.failed + c.expired
    if state is WorkflowState.RUNNING:
        return sa.and_(c.finished_at.is_(None))
    over = c.finished_at.is_not(None)
    if state is WorkflowState.FAILED:
        return sa.and_(over, bad > 0)
    if state is WorkflowState.CANCELLED:
        return sa.and_(over, bad == 0, c.cancelled > 0)
    return sa.and_(over, bad == 0, c.cancelled == 0)


@cache
def _read_last(dialect: Dialect, own: bool) -> sa.Select[Any]:
    """The last of MAX_EXAMINED workflows, if there are so many."""
    found = _below(sa.select(w.workflows.c.id), own)
    return dialect.read(found.offset(MAX_EXAMINED - 1).limit(1))


def nodes(unit: Unit, workflow_id: str) -> list[NodeRow]:
    """The jobs of a workflow, oldest first, deleted ones left out."""
    rows = unit.rows(_read_nodes(unit.dialect), workflow_id=workflow_id)
    return [NodeRow._make(row) for row in rows]


@cache
def _read_nodes(dialect: Dialect) -> sa.Select[Any]:
    n, j, a, r = w.workflow_jobs.c, t.jobs.c, t.active_jobs.c, t.runs.c
    columns = (
        n.key, n.job_id, j.type, j.name,
        sa.func.coalesce(a.state, r.final_state).label("state"),
        sa.func.coalesce(a.reason, r.reason).label("reason"),
        sa.func.coalesce(a.attempt, r.attempt).label("attempt"),
        sa.func.coalesce(a.started_at, r.started_at).label("started_at"),
        r.finished_at,
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns)
        .select_from(w.workflow_jobs)
        .join(t.jobs, j.id == n.job_id)
        .outerjoin(t.active_jobs, a.job_id == n.job_id)
        .outerjoin(t.runs, sa.and_(r.job_id == n.job_id, t.FINAL))
        .where(
            n.workflow_id == sa.bindparam("workflow_id", type_=t.Uuid),
            j.deleted_at.is_(None),
            sa.or_(a.state.is_not(None), t.FINAL),
        )
        .order_by(n.job_id)
    )


def edges_of(unit: Unit, job_ids: list[str]) -> dict[str, list[EdgeRow]]:
    """The edges of each of the jobs that has any, parents in order of their ids."""
    rows = unit.rows(_read_edges(unit.dialect), sorted((job_id,) for job_id in job_ids))
    found: dict[str, list[EdgeRow]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(EdgeRow._make(row))
    return found


@cache
def _read_edges(dialect: Dialect) -> sa.Select[Any]:
    d, n, own = w.dependencies.c, w.workflow_jobs.c, w.workflow_jobs.alias("own")
    batch = dialect.batch(d.job_id)
    return dialect.read(
        sa.select(d.job_id, d.parent_id, d.condition, d.joined, n.key)
        .select_from(batch)
        .join(w.dependencies, d.job_id == batch.c.job_id)
        .outerjoin(own, own.c.job_id == d.job_id)
        .outerjoin(
            w.workflow_jobs,
            sa.and_(n.job_id == d.parent_id, n.workflow_id == own.c.workflow_id),
        )
        .order_by(d.job_id, d.parent_id)
    )
