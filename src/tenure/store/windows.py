"""Windows over the newest jobs in some states, each read through the index that fits.

Unfinished jobs come from `active_jobs`, or from the index of their state while it holds few;
finished ones from ix_runs_ended_badly, or from uq_runs_final when completed ones are asked for; all
jobs from `jobs` by id. Those of one owner come from the indexes of owners, whatever others have.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.lifecycle import ACTIVE, TERMINAL, JobState
from tenure.domain.query import Query
from tenure.store import tables as t
from tenure.store.conditions import columns, condition
from tenure.store.dialect import Dialect
from tenure.store.sight import owned
from tenure.store.unit import Unit

ANY = frozenset(JobState)
_ENDED_BADLY = TERMINAL - {JobState.COMPLETED}
_FEW: dict[JobState, sa.ColumnElement[bool]] = {
    JobState.RUNNING: t.LEASED,
    JobState.PENDING: t.READY,
    JobState.SCHEDULED: t.SCHEDULED,
}
"""Unfinished states with an index of their own. It is in no order of id, so good for few only."""


def streams_of(unit: Unit, states: frozenset[JobState], few: int) -> tuple[str, ...]:
    """Which descending reads of ids together hold all jobs in `states`, by name.

    A state holds few when it holds no more than `few` jobs; counting stops there.
    """
    if states == ANY:
        return ("jobs",)
    ended, unfinished = states & TERMINAL, states & ACTIVE
    found: set[str] = set(ended if ended <= _ENDED_BADLY else {"finished"})
    if unfinished <= _FEW.keys() and all(_is_few(unit, state, few) for state in unfinished):
        found |= unfinished
    else:
        found.add("active_jobs")
    return tuple(sorted(found))


def streams_of_owner(states: frozenset[JobState]) -> tuple[str, ...]:
    """As `streams_of`, for the jobs of one owner."""
    if states == ANY:
        return ("owned",)
    return ("owned_active" if states <= ACTIVE else "owned_with_state",)


def _is_few(unit: Unit, state: JobState, few: int) -> bool:
    count: int = unit.rows(_count_few(unit.dialect, state), limit=few + 1)[0][0]
    return count <= few


@cache
def _count_few(dialect: Dialect, state: JobState) -> sa.Select[Any]:
    some = (
        sa.select(sa.literal_column("1").label("one"))
        .select_from(t.active_jobs)
        .where(_FEW[state])
        .limit(sa.bindparam("limit", type_=t.Integer))
        .subquery("some")
    )
    return dialect.read(sa.select(sa.func.count()).select_from(some))


@lru_cache(maxsize=256)
def read_window(dialect: Dialect, streams: tuple[str, ...], query: Query) -> sa.Select[Any]:
    """The `size` newest rows of the streams below the id `below`, from `floor` on: what of them
    fits the query.

    Rows of (id, characters of payload and result, last id of the window, rows in the window),
    newest first and at most `room`; one row with id null when nothing fits.
    """
    window = _newest(streams)
    last = window.alias("last_ids")
    edge = sa.select(last.c.id).order_by(last.c.id).limit(1).scalar_subquery()
    count = sa.select(sa.func.count()).select_from(window.alias("all_ids")).scalar_subquery()
    bounds = sa.select(edge.label("edge"), count.label("n")).subquery("bounds")
    matches = _matches(dialect, window, query).subquery("matches")
    return dialect.read(
        sa.select(matches.c.id, _size(matches.c.id), bounds.c.edge, bounds.c.n)
        .select_from(bounds.outerjoin(matches, sa.true()))
        .order_by(matches.c.id.desc())
    )


def _newest(streams: tuple[str, ...]) -> sa.CTE:
    size = sa.bindparam("size", type_=t.Integer)
    parts = [_stream(name).limit(size).subquery(f"stream_{name}") for name in streams]
    ids = (
        sa.union_all(*(sa.select(part) for part in parts)).subquery("ids")
        if len(parts) > 1
        else parts[0]
    )
    newest = sa.select(ids.c.id, ids.c.state).order_by(ids.c.id.desc()).limit(size)
    return newest.cte("window_ids").prefix_with("MATERIALIZED")


def _stream(name: str) -> sa.Select[Any]:
    """(id, state) between two ids in descending order, from one index."""
    j, a, r = t.jobs.c, t.active_jobs.c, t.runs.c
    below, floor = sa.bindparam("below", type_=t.Uuid), sa.bindparam("floor", type_=t.Uuid)
    if name in ("jobs", "owned", "owned_with_state"):
        state = _state(j.id) if name == "owned_with_state" else sa.cast(sa.null(), t.Text)
        some = sa.select(j.id, state.label("state")).where(j.id < below, j.id >= floor)
        return (some if name == "jobs" else some.where(owned(j.owner_id))).order_by(j.id.desc())
    active = sa.select(a.job_id.label("id"), a.state.label("state"))
    if name in ("active_jobs", "owned_active"):
        some = active.where(a.job_id < below, a.job_id >= floor).order_by(a.job_id.desc())
        return some if name == "active_jobs" else some.where(owned(a.owner_id))
    if name in _FEW:
        # The cast keeps the planner from walking the primary key in search of a few rows.
        key, few = sa.cast(a.job_id, t.Text), _FEW[JobState(name)]
        low, high = sa.cast(floor, t.Text), sa.cast(below, t.Text)
        return active.where(few, key < high, key >= low).order_by(key.desc())
    ended = sa.select(r.job_id.label("id"), r.final_state.label("state"))
    ended = ended.where(r.job_id < below, r.job_id >= floor).order_by(r.job_id.desc())
    if name == "finished":
        return ended.where(t.FINAL)
    # The word is written out so that the planner sees that the partial index fits.
    return ended.where(r.final_state == _word(JobState(name)), t.ENDED_BADLY)


def _state(job_id: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The state of a job, by look-ups."""
    a, r = t.active_jobs.alias("unfinished").c, t.runs.alias("final").c
    final = r.final_state.is_not(None)
    return sa.func.coalesce(
        sa.select(a.state).where(a.job_id == job_id).scalar_subquery(),
        sa.select(r.final_state).where(r.job_id == job_id, final).scalar_subquery(),
    )


def _word(state: JobState) -> sa.ColumnElement[Any]:
    return sa.literal_column(f"'{state.value}'")


def _matches(dialect: Dialect, window: sa.CTE, query: Query) -> sa.Select[Any]:
    j, states = t.jobs.c, query.states
    # Joined first and filtered after, or PostgreSQL would look for rare matches in all of `jobs`.
    joined = (
        sa.select(j.id, *columns(query))
        .select_from(window)
        .join(t.jobs, j.id == window.c.id)
        .where(j.deleted_at.is_(None))
    )
    if states != ANY:
        joined = joined.where(window.c.state.in_([_word(state) for state in sorted(states)]))
    shown = joined.cte("shown").prefix_with("MATERIALIZED", dialect="postgresql")
    room = sa.bindparam("room", type_=t.Integer)
    found = sa.select(shown.c.id).order_by(shown.c.id.desc()).limit(room)
    return found.where(*(condition(dialect, shown, clause) for clause in query.rest))


def _size(job_id: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Characters of payload and result of one job."""
    j, r = t.jobs.alias("sized").c, t.runs.alias("ended").c
    payload = sa.select(sa.func.length(j.payload)).where(j.id == job_id).scalar_subquery()
    final = r.final_state.is_not(None)
    result = sa.select(sa.func.length(r.result)).where(r.job_id == job_id, final).scalar_subquery()
    return (payload + sa.func.coalesce(result, 0)).label("size")
