"""Checkpoints: what a handler saved to go on from, kept while its job is unfinished."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


def checkpoints(unit: Unit, job_ids: list[str]) -> dict[str, str]:
    """JSON text by job id, of those that have one."""
    if not job_ids:
        return {}
    rows = unit.rows(_read_checkpoints(unit.dialect), [(job_id,) for job_id in job_ids])
    return {row[0]: row[1] for row in rows}


@cache
def _read_checkpoints(dialect: Dialect) -> sa.Select[Any]:
    c = t.checkpoints.c
    batch = dialect.batch(c.job_id)
    return dialect.read(
        sa.select(c.job_id, c.data).join_from(batch, t.checkpoints, c.job_id == batch.c.job_id)
    )


def keep_checkpoints(unit: Unit, rows: list[tuple[str, str]]) -> None:
    """Store checkpoints, (job_id, JSON text) each. The caller sets the tie."""
    if rows:
        unit.execute(_put_checkpoints(unit.dialect), sorted(rows))


@cache
def _put_checkpoints(dialect: Dialect) -> sa.Executable:
    c = t.checkpoints.c
    batch = dialect.batch(c.job_id, c.data)
    insert = dialect.upsert(t.checkpoints).from_select(
        ["job_id", "data"], sa.select(*batch.c).where(sa.true())
    )
    return insert.on_conflict_do_update(
        index_elements=["job_id"], set_={"data": insert.excluded.data}
    )


def drop_checkpoints(unit: Unit, job_ids: list[str]) -> None:
    """Delete the checkpoints of these jobs."""
    if job_ids:
        unit.execute(_delete_checkpoints(unit.dialect), sorted((job_id,) for job_id in job_ids))


@cache
def _delete_checkpoints(dialect: Dialect) -> sa.Executable:
    c = t.checkpoints.c
    batch = dialect.batch(c.job_id)
    return sa.delete(t.checkpoints).where(c.job_id.in_(sa.select(batch.c.job_id)))
