"""The ends of logs, for those who follow them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.history import LineRow, lines
from tenure.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Head:
    """How far a job's log goes, as (fence, index) of its last line, and whether it can grow."""

    last: tuple[int, int]
    active: bool


def tail(
    unit: Unit, job_id: str, fence: int | None, after: tuple[int, int], limit: int
) -> tuple[list[LineRow], str | None]:
    """As `history.lines`, and the final state the job had before they were read: None while it
    goes on, the empty text when the job is gone.

    Only a running lease adds lines, so of an ended job these are the last ones.
    """
    found = unit.rows(_read_end(unit.dialect), job_id=job_id)
    active, final = found[0] if found else (None, "")
    return lines(unit, job_id, fence, after, limit), None if active else final or ""


@cache
def _read_end(dialect: Dialect) -> sa.Select[Any]:
    j, a, r = t.jobs.c, t.active_jobs.c, t.runs.c
    return dialect.read(
        sa.select(a.state, r.final_state)
        .select_from(t.jobs)
        .outerjoin(t.active_jobs, a.job_id == j.id)
        .outerjoin(t.runs, sa.and_(r.job_id == j.id, t.FINAL))
        .where(j.id == sa.bindparam("job_id"), j.deleted_at.is_(None))
    )


def heads(unit: Unit, job_ids: list[str]) -> dict[str, Head]:
    """The heads of these jobs' logs; (0, -1) of one without a line. Three index seeks a job."""
    rows = unit.rows(_read_heads(unit.dialect), [(job_id,) for job_id in job_ids])
    return {
        row[0]: Head((0, -1) if row[1] is None else (row[1], row[2]), row[3] is not None)
        for row in rows
    }


@cache
def _read_heads(dialect: Dialect) -> sa.Select[Any]:
    c, a = t.logs.c, t.active_jobs.c
    batch = dialect.batch(a.job_id)

    def last(column: sa.Column[int]) -> sa.ScalarSelect[Any]:
        newest = sa.select(column).where(c.job_id == batch.c.job_id)
        return newest.order_by(c.fence.desc(), c.index.desc()).limit(1).scalar_subquery()

    return dialect.read(
        sa.select(
            batch.c.job_id, last(c.fence).label("fence"), last(c.index).label("index"), a.state
        ).outerjoin_from(batch, t.active_jobs, a.job_id == batch.c.job_id)
    )
