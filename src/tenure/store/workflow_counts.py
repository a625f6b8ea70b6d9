"""How far workflows are: the number of their jobs in each final state, kept with every end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.notification import Topic
from tenure.domain.workflow import WorkflowState, workflow_state
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dialect import Dialect
from tenure.store.outbox import note
from tenure.store.unit import Unit

FINAL_STATES = ("completed", "failed", "cancelled", "skipped", "expired")
"""The counted states, columns of `workflow_counts`."""


def count_jobs(unit: Unit, changes: Iterable[tuple[str, str, int]]) -> None:
    """Add to the counts of the workflows that jobs belong to: (job id, final state, by) each.

    Two statements. Locks the counts ascending by workflow, after every job.
    """
    by_job: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for job_id, state, by in changes:
        by_job[job_id].append((state, by))
    if not by_job:
        return
    totals: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(FINAL_STATES, 0))
    for job_id, workflow_id in workflows_of(unit, list(by_job)).items():
        for state, by in by_job[job_id]:
            totals[workflow_id][state] += by
    add_counts(unit, [(id_, 0, *counts.values()) for id_, counts in totals.items()])


def add_counts(unit: Unit, rows: list[tuple[Any, ...]]) -> None:
    """Add to counts: (workflow id, total, one number for each of FINAL_STATES) each; notes the
    workflows that are finished by it."""
    if rows:
        found = unit.execute(_add(unit.dialect), sorted(rows), now=unit.now).all()
        done = [workflow_id for workflow_id, finished_at in found if finished_at]
        unit.finished += done
        if done and unit.watched & _TOPICS:
            _note_finished(unit, done)


_TOPICS = {Topic.WORKFLOW_FINISHED, Topic.WORKFLOW_FAILED}


def _note_finished(unit: Unit, workflow_ids: list[str]) -> None:
    found = unit.rows(_read_finished(unit.dialect), [(id_,) for id_ in workflow_ids])
    for id_, total, *ended in found:
        counts = dict(zip(FINAL_STATES, ended, strict=True))
        state = workflow_state(counts, total)
        said = [(id_, {"status": state.value, "total": total, "counts": counts})]
        note(unit, Topic.WORKFLOW_FINISHED, said)
        if state is WorkflowState.FAILED:
            note(unit, Topic.WORKFLOW_FAILED, said)


@cache
def _read_finished(dialect: Dialect) -> sa.Select[Any]:
    c = w.workflow_counts.c
    batch = dialect.batch(c.workflow_id)
    return dialect.read(
        sa.select(c.workflow_id, c.total, *(c[state] for state in FINAL_STATES)).join_from(
            batch, w.workflow_counts, c.workflow_id == batch.c.workflow_id
        )
    )


@cache
def _add(dialect: Dialect) -> sa.Executable:
    c = w.workflow_counts.c
    columns = (c.workflow_id, c.total, *(c[state] for state in FINAL_STATES))
    batch = dialect.batch(*columns)
    insert = dialect.upsert(w.workflow_counts).from_select(
        [column.name for column in columns],
        sa.select(*batch.c).where(sa.true()).order_by(batch.c.workflow_id),
    )
    sums = {column.name: column + insert.excluded[column.name] for column in columns[1:]}
    ended: sa.ColumnElement[int] = sums[FINAL_STATES[0]]
    for state in FINAL_STATES[1:]:
        ended = ended + sums[state]
    now = sa.bindparam("now", type_=t.Micros)
    finished: Any = sa.case((ended == sums["total"], now), else_=sa.null())
    counted = insert.on_conflict_do_update(
        index_elements=["workflow_id"], set_={**sums, "finished_at": finished}
    )
    return counted.returning(c.workflow_id, c.finished_at)


def workflows_of(unit: Unit, job_ids: list[str]) -> dict[str, str]:
    """The workflow of each of the jobs that has one. Reads uq_workflow_jobs_job_id."""
    rows = unit.rows(_read_workflows(unit.dialect), sorted((job_id,) for job_id in job_ids))
    return {row[0]: row[1] for row in rows}


@cache
def _read_workflows(dialect: Dialect) -> sa.Select[Any]:
    c = w.workflow_jobs.c
    batch = dialect.batch(c.job_id)
    return dialect.read(
        sa.select(c.job_id, c.workflow_id).join_from(
            batch, w.workflow_jobs, c.job_id == batch.c.job_id
        )
    )
