"""What the tables say, read plainly."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tests.store.opened import OpenedStore

_DECIDED = (t.jobs, t.active_jobs, t.runs, t.checkpoints, t.events, t.logs, t.idempotency_keys)


def active(store: OpenedStore, job_id: str) -> dict[str, Any]:
    """The active row of a job; empty when it is finished."""
    rows = store.rows(sa.select(t.active_jobs).where(t.active_jobs.c.job_id == job_id))
    return dict(rows[0]._mapping) if rows else {}


def runs(store: OpenedStore, job_id: str) -> list[dict[str, Any]]:
    """The runs of a job, by fence."""
    r = t.runs.c
    rows = store.rows(sa.select(t.runs).where(r.job_id == job_id).order_by(r.fence))
    return [dict(row._mapping) for row in rows]


def state(store: OpenedStore, job_id: str) -> str:
    """The state of a job, from the one row that says it."""
    row = active(store, job_id)
    final = [run["final_state"] for run in runs(store, job_id) if run["final_state"] is not None]
    assert len(final) + bool(row) == 1, "a job is active or has one final run, never both"
    return str(row["state"] if row else final[0])


def measured(store: OpenedStore) -> dict[str, int]:
    """The statistics summed over lanes and minutes, histograms left out."""
    total: Counter[str] = Counter()
    for measure, count in store.rows(sa.select(t.stats.c.measure, t.stats.c.count)):
        if ":" not in measure:
            total[measure] += count
    return dict(total)


def everything(store: OpenedStore) -> list[list[tuple[Any, ...]]]:
    """Every row that a verb about jobs could change, statistics and workers left out."""
    return [
        [tuple(row) for row in store.rows(sa.select(table).order_by(*table.primary_key))]
        for table in _DECIDED
    ]
