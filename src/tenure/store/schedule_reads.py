"""Reading schedules, their ledger and their jobs. Deleted schedules are not there."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import ScheduleNotFound
from tenure.store import tables as t
from tenure.store import tables_schedules as s
from tenure.store.dialect import Dialect
from tenure.store.sight import owned, visible
from tenure.store.unit import Unit

MAX_EXAMINED = 10_000
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
LAST_FIRE = (2**63 - 1, 1)
STATUSES = ("active", "paused", "ended")


class ScheduleRow(NamedTuple):
    """A schedule as stored; `rules`, `job`, `payload` and `workflow` are JSON text."""

    id: str
    name: str | None
    rules: str
    job: str | None
    payload: str | None
    workflow: str | None
    owner_id: str | None
    created_at: int
    version: int
    paused_at: int | None
    paused_by: str | None
    pause_reason: str | None
    next_nominal_at: int | None
    next_fire_at: int | None
    last_fired_at: int | None


class FireRow(NamedTuple):
    """One row of the ledger."""

    nominal_at: int
    stretch: int
    until_at: int
    number: int
    outcome: str
    at: int
    job_id: str | None
    workflow_id: str | None


def schedule(unit: Unit, schedule_id: str, only: str | None = None) -> ScheduleRow:
    """One schedule, of the owner `only` unless that is None. Raises ScheduleNotFound."""
    rows = unit.rows(_read_one(unit.dialect), schedule_id=schedule_id, only=only)
    if not rows:
        raise ScheduleNotFound(f"there is no schedule {schedule_id}")
    return ScheduleRow._make(rows[0])


def _columns() -> list[sa.Column[Any]]:
    return [s.schedules.c[name] for name in ScheduleRow._fields]


@cache
def _read_one(dialect: Dialect) -> sa.Select[Any]:
    c = s.schedules.c
    return dialect.read(
        sa.select(*_columns()).where(
            c.id == sa.bindparam("schedule_id"), c.deleted_at.is_(None), visible(c.owner_id)
        )
    )


def schedules(
    unit: Unit,
    status: str | None,
    name: str | None,
    below: str,
    limit: int,
    only: str | None = None,
) -> tuple[list[ScheduleRow], str | None]:
    """Up to `limit` schedules with ids below `below`, newest first, of the owner `only` unless
    that is None; the id to go on below.

    Examines at most MAX_EXAMINED rows, with `name` only those called so: a page may be short
    while there is more.
    """
    examined = limit if status is None else MAX_EXAMINED
    given: dict[str, Any] = {
        key: value for key, value in (("name", name), ("only", only)) if value is not None
    }
    page = _read_page(unit.dialect, status, *given)
    rows = unit.rows(page, below=below, size=examined, limit=limit, **given)
    found = [ScheduleRow._make(row[:-1]) for row in rows]
    if len(found) == limit:
        return found, found[-1].id
    edges = unit.rows(_read_edge(unit.dialect, *given), below=below, skip=examined - 1, **given)
    return found, edges[0][0] if edges else None


def _below(found: sa.Select[Any], given: Collection[str]) -> sa.Select[Any]:
    """Schedules below an id, newest first: all, deleted ones too; or with what is `given`, the
    `only` owner or a `name`, the others that have it."""
    c = s.schedules.c
    found = found.where(c.id < sa.bindparam("below", type_=t.Uuid)).order_by(c.id.desc())
    if "only" in given:
        found = found.where(owned(c.owner_id), c.deleted_at.is_(None))
    if "name" in given:
        found = found.where(s.NAMED, c.name == sa.bindparam("name", type_=t.Text))
    return found


@cache
def _read_page(dialect: Dialect, status: str | None, *given: str) -> sa.Select[Any]:
    c = s.schedules.c
    state = sa.case(
        (c.paused_at.is_not(None), "paused"), (c.next_nominal_at.is_(None), "ended"), else_="active"
    )
    seen = _below(sa.select(*_columns(), c.deleted_at, state.label("status")), given)
    window = seen.limit(sa.bindparam("size", type_=t.Integer)).subquery("window")
    w = window.c
    found = sa.select(*(w[name] for name in ScheduleRow._fields), w.status).where(
        w.deleted_at.is_(None)
    )
    if status is not None:
        found = found.where(w.status == sa.literal_column(f"'{status}'"))
    return dialect.read(found.order_by(w.id.desc()).limit(sa.bindparam("limit", type_=t.Integer)))


@cache
def _read_edge(dialect: Dialect, *given: str) -> sa.Select[Any]:
    found = _below(sa.select(s.schedules.c.id), given)
    return dialect.read(found.offset(sa.bindparam("skip", type_=t.Integer)).limit(1))


def fires(unit: Unit, schedule_id: str, below: tuple[int, int], limit: int) -> list[FireRow]:
    """Up to `limit` rows of the ledger below (nominal time, stretch), newest first."""
    rows = unit.rows(
        _read_fires(unit.dialect), schedule_id=schedule_id, at=below[0], kind=below[1], limit=limit
    )
    return [FireRow._make(row) for row in rows]


@cache
def _read_fires(dialect: Dialect) -> sa.Select[Any]:
    c = s.fires.c
    here = sa.tuple_(c.nominal_at, c.stretch)
    below = sa.tuple_(sa.bindparam("at", type_=t.Micros), sa.bindparam("kind", type_=t.Integer))
    return dialect.read(
        sa.select(
            c.nominal_at,
            c.stretch,
            c.until_at,
            c["count"],
            c.outcome,
            c["at"],
            c.job_id,
            c.workflow_id,
        )
        .where(c.schedule_id == sa.bindparam("schedule_id"), here < below)
        .order_by(c.nominal_at.desc(), c.stretch.desc())
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def fired(unit: Unit, schedule_id: str, nominal: list[int]) -> frozenset[int]:
    """Which of these nominal times have fired."""
    rows = unit.rows(_read_fired(unit.dialect), [(at,) for at in nominal], schedule_id=schedule_id)
    return frozenset(row[0] for row in rows)


@cache
def _read_fired(dialect: Dialect) -> sa.Select[Any]:
    c = s.fires.c
    batch = dialect.batch(c.nominal_at)
    same = sa.and_(
        c.schedule_id == sa.bindparam("schedule_id"),
        c.nominal_at == batch.c.nominal_at,
        c.stretch == sa.literal_column("0"),
    )
    return dialect.read(sa.select(c.nominal_at).join_from(batch, s.fires, same))


def job_ids(unit: Unit, schedule_id: str, below: str, limit: int) -> list[str]:
    """Up to `limit` ids of a schedule's jobs below an id, newest first. Reads
    ix_jobs_schedule_id."""
    rows = unit.rows(_read_jobs(unit.dialect), schedule_id=schedule_id, below=below, limit=limit)
    return [row[0] for row in rows]


@cache
def _read_jobs(dialect: Dialect) -> sa.Select[Any]:
    j = t.jobs.c
    return dialect.read(
        sa.select(j.id)
        .where(
            j.schedule_id == sa.bindparam("schedule_id"),
            j.id < sa.bindparam("below", type_=t.Uuid),
            j.deleted_at.is_(None),
        )
        .order_by(j.id.desc())
        .limit(sa.bindparam("limit", type_=t.Integer))
    )
