"""The statements that end jobs: the active rows go, the runs stay."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.lifecycle import JobState
from tenure.domain.run import Outcome
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit

RUN_COLUMNS: tuple[sa.Column[Any], ...] = tuple(
    t.runs.c[name]
    for name in (
        "job_id", "fence", "attempt", "worker_id", "started_at", "finished_at", "outcome",
        "reason", "error", "result", "lost", "cancel_requested", "progress", "final_state",
        "fingerprint",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unstarted:
    """A job that ends in `state` without a lease that reports it."""

    job_id: str
    fence: int
    attempt: int
    lost: int
    state: JobState
    reason: str | None = None


@cache
def delete_active(dialect: Dialect) -> sa.Executable:
    """Delete the active rows of a batch of job ids."""
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id)
    return sa.delete(t.active_jobs).where(a.job_id.in_(sa.select(batch.c.job_id)))


@cache
def insert_runs(dialect: Dialect) -> sa.Executable:
    """Append runs, a batch of RUN_COLUMNS."""
    batch = dialect.batch(*RUN_COLUMNS)
    return sa.insert(t.runs).from_select([c.name for c in RUN_COLUMNS], sa.select(*batch.c))


def end_waiting(unit: Unit, jobs: list[Unstarted]) -> None:
    """End jobs that hold no lease, locked before: each takes a fence of its own.

    Two statements. Counts nothing and lets go of nothing.
    """
    unit.execute(delete_active(unit.dialect), sorted((job.job_id,) for job in jobs))
    outcome = Outcome.CANCELLED.value
    rows = [
        (
            job.job_id, job.fence + 1, job.attempt, None, None, unit.now, outcome, job.reason,
            None, None, job.lost, int(job.state is JobState.CANCELLED), None, job.state.value,
        )
        for job in jobs
    ]  # fmt: skip
    unit.execute(insert_runs(unit.dialect), rows)
