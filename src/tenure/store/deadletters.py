"""Dead letters: jobs that failed for good, told apart by the fingerprint of their error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from tenure.domain.fingerprint import fingerprint
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


class _Told(msgspec.Struct):
    """An error as stored; fields at their default are left out."""

    type: str = ""
    message: str = ""
    traceback: str | None = None


_told = msgspec.json.Decoder(_Told)


class FailureRow(NamedTuple):
    """A failed job without its error; `finished_at` in microseconds."""

    job_id: str
    fingerprint: str
    finished_at: int
    type: str
    queue: str
    reason: str | None


def failure(reason: str | None, error: str | None) -> str:
    """The fingerprint of a final failure; `error` is JSON text."""
    told = _Told() if error is None else _told.decode(error)
    return fingerprint(reason or "", told.type, told.message, told.traceback)


def failures(unit: Unit, job_ids: Sequence[str]) -> list[FailureRow]:
    """The failed ones among these jobs, newest first."""
    rows = unit.rows(_read_failures(unit.dialect), [(job_id,) for job_id in job_ids])
    return [FailureRow._make(row) for row in rows]


@cache
def _read_failures(dialect: Dialect) -> sa.Select[Any]:
    j, r = t.jobs.c, t.runs.c
    batch = dialect.batch(j.id)
    return dialect.read(
        sa.select(j.id, r.fingerprint, r.finished_at, j.type, j.queue, r.reason)
        .select_from(batch)
        .join(t.jobs, j.id == batch.c.id)
        .join(t.runs, sa.and_(r.job_id == j.id, t.FINAL))
        .where(r.fingerprint.is_not(None), j.deleted_at.is_(None))
        .order_by(j.id.desc())
    )
