"""Limits of concurrency keys: setting, unsetting and reading them."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.lifecycle import JobState
from tenure.store import tables as t
from tenure.store import tables_limits as lim
from tenure.store.admission import DEFAULT_MAX_RUNNING
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit

MAX_COUNTED = 10_000
"""Waiting jobs of a key are counted up to this many."""


class LimitRow(NamedTuple):
    """A key's limit and its use: at most `max_running` of its jobs are pending or running.

    `updated_at` (microseconds) is None when nobody set it. `waiting` stops at MAX_COUNTED.
    """

    key: str
    max_running: int
    updated_at: int | None
    pending: int
    running: int
    waiting: int


def set_limit(unit: Unit, key: str, max_running: int) -> None:
    """Set a key's limit. What it makes room for is admitted in the same transaction; jobs already
    admitted stay so. Locks the key's row. Repeatable."""
    unit.execute(_set(unit.dialect), [(key, max_running, unit.now)])
    unit.contended.add(key)


def unset_limit(unit: Unit, key: str) -> None:
    """Back to the default of one. Locks the key's row. Repeatable."""
    unit.execute(_set(unit.dialect), [(key, DEFAULT_MAX_RUNNING, None)])
    unit.contended.add(key)


@cache
def _set(dialect: Dialect) -> sa.Executable:
    c = lim.limits.c
    batch = dialect.batch(c.key, c.max_running, c.updated_at)
    insert = dialect.upsert(lim.limits).from_select(
        ["key", "max_running", "updated_at"], sa.select(*batch.c).where(sa.true())
    )
    return insert.on_conflict_do_update(
        index_elements=["key"],
        set_={name: insert.excluded[name] for name in ("max_running", "updated_at")},
    )


def limit_of(unit: Unit, key: str) -> LimitRow:
    """A key's limit and its use, the default when nobody set one. Three short index ranges."""
    rows = unit.rows(_read(unit.dialect, True), key=key)
    if rows:
        return LimitRow._make(rows[0])
    return LimitRow(key, DEFAULT_MAX_RUNNING, None, 0, 0, 0)


def limits_after(unit: Unit, after: str, limit: int) -> list[LimitRow]:
    """Up to `limit` limits that somebody set or that are in use, by key, beyond the key `after`."""
    rows = unit.rows(_read(unit.dialect, False), key=after, limit=limit)
    return [LimitRow._make(row) for row in rows]


@cache
def _read(dialect: Dialect, one: bool) -> sa.Select[Any]:
    c, key = lim.limits.c, sa.bindparam("key", type_=t.Text)
    columns: tuple[Any, ...] = (
        c.key, c.max_running, c.updated_at,
        _count(JobState.PENDING).label("pending"), _count(JobState.RUNNING).label("running"),
        _waiting().label("waiting"),
    )  # fmt: skip
    found = sa.select(*columns)
    if one:
        return dialect.read(found.where(c.key == key))
    ordered = found.where(c.key > key).order_by(c.key)
    return dialect.read(ordered.limit(sa.bindparam("limit", type_=t.Integer)))


def _count(state: JobState) -> sa.ScalarSelect[int]:
    a = t.active_jobs.c
    return (
        sa.select(sa.func.count())
        .select_from(t.active_jobs)
        .where(
            a.concurrency_key == lim.limits.c.key,
            t.KEYED,
            a.state == sa.literal_column(f"'{state}'"),
        )
        .correlate(lim.limits)
        .scalar_subquery()
    )


def _waiting() -> sa.ScalarSelect[int]:
    a = t.active_jobs.c
    some = (
        sa.select(sa.literal_column("1").label("one"))
        .select_from(t.active_jobs)
        .where(a.concurrency_key == lim.limits.c.key, t.AWAITS_ADMISSION)
        .limit(MAX_COUNTED)
        .correlate(lim.limits)
        .subquery("some")
    )
    return sa.select(sa.func.count()).select_from(some).correlate(lim.limits).scalar_subquery()
