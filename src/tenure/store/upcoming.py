"""What would be claimed next, in order. Reads the ready index only."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.lanes import claimable_nth, not_expired
from tenure.store.sight import owned
from tenure.store.tables_queues import PAUSED, queues
from tenure.store.unit import Lane, Unit

MAX_LANES = 1_000
MAX_OWN = 10_000
_AT_ONCE = 16


class UpcomingRow(NamedTuple):
    """A pending job; `run_at` is when it became ready, microseconds."""

    job_id: str
    queue: str
    type: str
    priority: int
    run_at: int
    rank: int


def upcoming(
    unit: Unit, queue: str | None, type_: str | None, limit: int, only: str | None = None
) -> list[UpcomingRow]:
    """The first `limit` pending jobs of queues that are not paused, by rank then id: of one queue
    or type if given, of the owner `only` unless that is None: then among the MAX_OWN oldest
    unfinished jobs of that owner.

    Reads lane by lane in order of their first job, at most `limit` rows each, and stops when no
    other lane can hold an earlier job. Looks at MAX_LANES lanes at most.
    """
    if only is not None:
        asked: dict[str, Any] = {"queue": queue, "type": type_, "now": unit.now, "limit": limit}
        rows = unit.rows(_read_own(unit.dialect), only=only, **asked)
        return [UpcomingRow._make(row) for row in rows]
    lanes = _lanes(unit, queue, type_)
    found: list[UpcomingRow] = []
    for start in range(0, len(lanes), _AT_ONCE):
        if len(found) == limit and found[-1].rank < lanes[start][0]:
            break
        some = [(lane_queue, lane_type) for _, lane_queue, lane_type in lanes[start:][:_AT_ONCE]]
        found += _read(unit, some, limit)
        found = sorted(found, key=lambda row: (row.rank, row.job_id))[:limit]
    return found


def _lanes(unit: Unit, queue: str | None, type_: str | None) -> list[tuple[int, str, str]]:
    """Lanes with pending jobs and the rank of their first, best first."""
    rows = unit.rows(_read_lanes(unit.dialect))
    return sorted(
        (rank, lane_queue, lane_type)
        for lane_queue, lane_type, rank in rows
        if rank is not None and queue in (None, lane_queue) and type_ in (None, lane_type)
    )


def _read(unit: Unit, lanes: list[Lane], limit: int) -> list[UpcomingRow]:
    params: dict[str, Any] = {"limit": limit, "now": unit.now}
    for index in range(_AT_ONCE):
        queue, type_ = lanes[index] if index < len(lanes) else ("", "")
        params |= {f"queue_{index}": queue, f"type_{index}": type_}
    return [UpcomingRow._make(row) for row in unit.rows(_read_jobs(unit.dialect), **params)]


@cache
def _read_jobs(dialect: Dialect) -> sa.Select[Any]:
    a, j = t.active_jobs.c, t.jobs.c
    lanes = [
        sa.select(a.job_id)
        .where(*claimable_nth(index))
        .order_by(a.rank, a.job_id)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .subquery(f"lane_{index}")
        for index in range(_AT_ONCE)
    ]
    found = sa.union_all(*(sa.select(lane.c.job_id) for lane in lanes)).subquery("lanes")
    return dialect.read(
        sa.select(a.job_id, a.queue, a.type, j.priority, a.run_at, a.rank)
        .select_from(found)
        .join(t.active_jobs, a.job_id == found.c.job_id)
        .join(t.jobs, j.id == a.job_id)
    )


def _not_paused(name: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """A paused queue gives nothing to any claim."""
    paused = sa.select(queues.c.name).where(queues.c.name == name, PAUSED)
    return ~paused.correlate_except(queues).exists()


@cache
def _read_own(dialect: Dialect) -> sa.Select[Any]:
    a, j, mine = t.active_jobs.c, t.jobs.c, t.active_jobs.alias("mine").c
    unfinished = (
        sa.select(mine.job_id)
        .where(owned(mine.owner_id))
        .order_by(mine.job_id)
        .limit(MAX_OWN)
        .subquery("unfinished")
    )
    queue, type_ = (sa.bindparam(name, type_=t.Text) for name in ("queue", "type"))
    return dialect.read(
        sa.select(a.job_id, a.queue, a.type, j.priority, a.run_at, a.rank)
        .select_from(unfinished)
        .join(t.active_jobs, a.job_id == unfinished.c.job_id)
        .join(t.jobs, j.id == a.job_id)
        .where(
            t.READY,
            not_expired(),
            _not_paused(a.queue),
            sa.or_(queue.is_(None), a.queue == queue),
            sa.or_(type_.is_(None), a.type == type_),
        )
        .order_by(a.rank, a.job_id)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


@cache
def _read_lanes(dialect: Dialect) -> sa.Select[Any]:
    """Distinct lanes by jumping from one to the next in the ready index, never through it."""
    a = t.active_jobs.alias("ready").c
    pending = a.state == sa.literal_column("'pending'")
    first_queue = sa.select(sa.func.min(a.queue).label("queue")).where(pending)
    queue = first_queue.cte("queue_names", recursive=True)
    following = sa.select(sa.func.min(a.queue)).where(pending, a.queue > queue.c.queue)
    queue = queue.union_all(
        sa.select(following.scalar_subquery()).where(queue.c.queue.is_not(None))
    )
    first = sa.select(sa.func.min(a.type)).where(pending, a.queue == queue.c.queue)
    lane = (
        sa.select(queue.c.queue, first.scalar_subquery().label("type"))
        .where(queue.c.queue.is_not(None))
        .cte("lanes", recursive=True)
    )
    other = sa.select(sa.func.min(a.type)).where(
        pending, a.queue == lane.c.queue, a.type > lane.c.type
    )
    lane = lane.union_all(
        sa.select(lane.c.queue, other.scalar_subquery()).where(lane.c.type.is_not(None))
    )
    rank = (
        sa.select(a.rank)
        .where(pending, a.queue == lane.c.queue, a.type == lane.c.type)
        .order_by(a.rank, a.job_id)
        .limit(1)
        .scalar_subquery()
    )
    return dialect.read(
        sa.select(lane.c.queue, lane.c.type, rank.label("rank"))
        .where(lane.c.type.is_not(None), _not_paused(lane.c.queue))
        .limit(MAX_LANES)
    )
