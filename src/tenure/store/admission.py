"""Admission by concurrency key: at most `max_running` jobs of a key are pending or running.

A job with a key waits as blocked until it is admitted, by rank. Who is admitted is counted from the
rows themselves after locking the key's row of `limits`, so nothing can be exceeded and a crash
leaks nothing. Whatever may change the answer notes the key on its unit.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.lifecycle import Event, JobState, step
from tenure.store import tables as t
from tenure.store import tables_limits as lim
from tenure.store.dialect import Dialect
from tenure.store.options import decode_options
from tenure.store.unit import Unit

DEFAULT_MAX_RUNNING = 1
_ROUNDS = 8
"""How often the best of every key are admitted one by one before a key's are read in a row."""
_AT_ONCE = 1_000


def admit(unit: Unit) -> None:
    """Admit what the keys in `unit.contended` have room for, best rank first.

    Locks the keys' rows of `limits` ascending, then the jobs it admits. A row that nobody set
    exists only while its key has jobs admitted or waiting. Reads ix_active_jobs_keyed and
    ix_active_jobs_admission: per key what is admitted and what goes next, never the whole line.
    """
    keys = sorted(unit.contended)
    unit.contended.clear()
    limits = {key: (most, set_by) for key, most, set_by in _lock(unit, keys)}
    counts: dict[str, int] = dict(unit.rows(_count(unit.dialect), _batch(keys)))
    room = {key: limits[key][0] - counts[key] for key in keys}
    idle = {key for key in keys if not counts[key] and limits[key][1] is None}
    rounds = 0
    while waiting := _heads(unit, [key for key in keys if room[key] > 0]):
        rounds += 1
        chosen = list(waiting.values())
        if rounds > _ROUNDS:
            chosen = [id_ for key in waiting for id_ in _first(unit, key, room[key])]
        for _, key in _pass(unit, chosen):
            room[key] -= 1
            idle.discard(key)
    if idle:
        unit.execute(_forget(unit.dialect), _batch(sorted(idle)))


def note_room(unit: Unit, job_ids: list[str]) -> None:
    """These jobs have ended: their keys may have room for others."""
    if job_ids:
        for (text,) in unit.rows(_read_options(unit.dialect), _batch(sorted(job_ids))):
            key = decode_options(text).concurrency_key
            if key is not None:
                unit.contended.add(key)


@cache
def _read_options(dialect: Dialect) -> sa.Select[Any]:
    j = t.jobs.c
    batch = dialect.batch(j.id)
    return dialect.read(sa.select(j.options).join_from(batch, t.jobs, j.id == batch.c.id))


def _batch(keys: list[str]) -> list[tuple[str]]:
    return [(key,) for key in keys]


def _lock(unit: Unit, keys: list[str]) -> list[Any]:
    rows = [(key, DEFAULT_MAX_RUNNING) for key in keys]
    found: list[Any] = unit.execute(_lock_limits(unit.dialect), rows).all()
    return found


@cache
def _lock_limits(dialect: Dialect) -> sa.Executable:
    """One statement makes the rows that are missing and locks those that are there."""
    c = lim.limits.c
    batch = dialect.batch(c.key, c.max_running)
    insert = dialect.upsert(lim.limits).from_select(
        ["key", "max_running"], sa.select(*batch.c).where(sa.true()).order_by(batch.c.key)
    )
    locked = insert.on_conflict_do_update(
        index_elements=["key"], set_={"max_running": c.max_running}
    )
    return locked.returning(c.key, c.max_running, c.updated_at)


@cache
def _count(dialect: Dialect) -> sa.Select[Any]:
    batch = dialect.batch(lim.limits.c.key)
    return dialect.read(sa.select(batch.c.key, admitted(batch.c.key).label("admitted")))


def admitted(key: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    """How many jobs of a key are pending or running. Reads ix_active_jobs_keyed."""
    a = t.active_jobs.c
    states: list[Any] = [
        sa.literal_column(f"'{state}'") for state in (JobState.PENDING, JobState.RUNNING)
    ]
    return (
        sa.select(sa.func.count())
        .select_from(t.active_jobs)
        .where(a.concurrency_key == key, t.KEYED, a.state.in_(states))
        .scalar_subquery()
    )


def _heads(unit: Unit, keys: list[str]) -> dict[str, str]:
    """The job of each key that goes next; keys without one are left out."""
    if not keys:
        return {}
    rows = unit.rows(_read_heads(unit.dialect), _batch(keys))
    return {key: job_id for key, job_id in rows if job_id is not None}


@cache
def _read_heads(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(lim.limits.c.key)
    head = (
        sa.select(a.job_id)
        .where(a.concurrency_key == batch.c.key, t.AWAITS_ADMISSION)
        .order_by(a.rank, a.job_id)
        .limit(1)
        .scalar_subquery()
    )
    return dialect.read(sa.select(batch.c.key, head.label("job_id")))


def _first(unit: Unit, key: str, number: int) -> list[str]:
    rows = unit.rows(_read_first(unit.dialect), key=key, limit=min(number, _AT_ONCE))
    return [row[0] for row in rows]


@cache
def _read_first(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    return dialect.read(
        sa.select(a.job_id)
        .where(a.concurrency_key == sa.bindparam("key", type_=t.Text), t.AWAITS_ADMISSION)
        .order_by(a.rank, a.job_id)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def _pass(unit: Unit, job_ids: list[str]) -> list[tuple[str, str]]:
    """Make jobs pending that still wait; (job_id, key) of those that did."""
    rows = unit.execute(_move(unit.dialect), [(job_id,) for job_id in sorted(job_ids)]).all()
    for _, _, queue, type_ in rows:
        unit.ready[queue, type_] += 1
    return [(job_id, key) for job_id, key, _, _ in rows]


@cache
def _move(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id)
    state = step(JobState.BLOCKED, Event.UNBLOCK)
    return (
        sa.update(t.active_jobs)
        .where(a.job_id.in_(sa.select(batch.c.job_id)), t.AWAITS_ADMISSION)
        .values(state=sa.literal_column(f"'{state}'"), reason=sa.null())
        .returning(a.job_id, a.concurrency_key, a.queue, a.type)
    )


@cache
def _forget(dialect: Dialect) -> sa.Executable:
    c = lim.limits.c
    batch = dialect.batch(c.key)
    return sa.delete(lim.limits).where(c.key.in_(sa.select(batch.c.key)), c.updated_at.is_(None))
