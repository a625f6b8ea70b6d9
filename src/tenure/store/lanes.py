"""Reading lanes: the short ranges of the ready index, one a (queue, type), that claims read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Lane, Unit

MAX_LANES = 16
_LANE_COUNTS = (1, 2, 4, 8, MAX_LANES)


def pending(
    unit: Unit, lanes: tuple[Lane, ...], limit: int, room: Mapping[str, int] | None = None
) -> list[Any]:
    """The first `limit` pending rows over the lanes, by rank then id, locked; of the queues in
    `room` at most so many.

    Each: job_id, the fence and attempt a claim gives it, max_attempts, type, name, queue, payload,
    tags, options, ties, run_at, rank.
    """
    if room:
        lanes = tuple(lane for lane in lanes if room.get(lane[0], 1) > 0)
        room = {queue: most for queue, most in room.items() if 0 < most < limit}
        if not lanes:
            return []
    cutoff: int | None = None
    if len(lanes) > MAX_LANES:
        heads = sorted(
            (rank, queue, type_)
            for queue, type_, rank in unit.rows(_heads(unit.dialect), list(lanes), now=unit.now)
            if rank is not None
        )
        lanes = tuple((queue, type_) for _, queue, type_ in heads[:MAX_LANES])
        if len(heads) > MAX_LANES:
            cutoff = heads[MAX_LANES][0]
        if not lanes:
            return []
    count = next(number for number in _LANE_COUNTS if number >= len(lanes))
    params: dict[str, Any] = {"limit": limit, "now": unit.now, "cutoff": cutoff}
    for index in range(count):
        queue, type_ = lanes[index] if index < len(lanes) else ("", "")
        params[f"queue_{index}"], params[f"type_{index}"] = queue, type_
    if room:
        params |= _bounds(lanes, count, limit, room)
    statement = _read_pending(unit.dialect, count, cutoff is not None, bool(room))
    rows = unit.rows(statement, **params)
    if count > 1:
        rows = sorted(rows, key=lambda row: (row[12], row[0]))
    return _within(rows, limit, room) if room else rows


def _bounds(
    lanes: tuple[Lane, ...], count: int, limit: int, room: Mapping[str, int]
) -> dict[str, int]:
    """How many rows to read of each lane, and of all: a queue's lanes are read as if each of them
    had all its room, and what is too much is left out afterwards."""
    most = [room.get(queue, limit) for queue, _ in lanes]
    spare = sum(most[index] for index, lane in enumerate(lanes) if lane[0] in room)
    bounds = {f"limit_{index}": number for index, number in enumerate(most)}
    return (
        bounds
        | {f"limit_{index}": 0 for index in range(len(lanes), count)}
        | {"limit": limit + spare}
    )


def _within(rows: list[Any], limit: int, room: Mapping[str, int]) -> list[Any]:
    left = dict(room)
    taken: list[Any] = []
    for row in rows:
        if row[6] in left:
            if not left[row[6]]:
                continue
            left[row[6]] -= 1
        taken.append(row)
        if len(taken) == limit:
            break
    return taken


def not_expired() -> sa.ColumnElement[bool]:
    """`expires_at` counts only until a job first starts."""
    a = t.active_jobs.c
    now = sa.bindparam("now", type_=t.Micros)
    return sa.or_(a.expires_at.is_(None), a.expires_at > now, a.attempt > 0)


def claimable(queue: Any, type_: Any) -> tuple[sa.ColumnElement[bool], ...]:
    """What holds of the jobs of a lane that a claim may take, in the columns of active_jobs."""
    a = t.active_jobs.c
    return (a.queue == queue, a.type == type_, t.READY, not_expired())


def claimable_nth(index: int) -> tuple[sa.ColumnElement[bool], ...]:
    """`claimable` of the lane in the parameters `queue_N` and `type_N`."""
    queue, type_ = (sa.bindparam(f"{name}_{index}", type_=t.Text) for name in ("queue", "type"))
    return claimable(queue, type_)


def _ready_lane(index: int, below: bool, bounded: bool) -> sa.Select[Any]:
    """One short range of the ready index (ix_active_jobs_ready)."""
    limit = f"limit_{index}" if bounded else "limit"
    a = t.active_jobs.c
    lane = (
        sa.select(a.job_id)
        .where(*claimable_nth(index))
        .order_by(a.rank, a.job_id)
        .limit(sa.bindparam(limit, type_=t.Integer))
    )
    return lane.where(a.rank <= sa.bindparam("cutoff", type_=t.Micros)) if below else lane


@cache
def _read_pending(dialect: Dialect, lanes: int, below: bool, bounded: bool) -> sa.Select[Any]:
    a, j = t.active_jobs.c, t.jobs.c
    columns = (
        a.job_id, (a.fence + 1).label("fence"), (a.attempt + 1).label("attempt"), a.max_attempts,
        a.type, j.name, a.queue, j.payload, j.tags,
        j.options, a.ties, a.run_at, a.rank,
    )  # fmt: skip
    if lanes == 1:
        one = (
            _ready_lane(0, below, bounded)
            .with_only_columns(*columns)
            .join(t.jobs, j.id == a.job_id)
        )
        return dialect.read(one.with_for_update(of=t.active_jobs, skip_locked=True))
    picked = [
        _ready_lane(index, below, bounded)
        .with_for_update(skip_locked=True)
        .cte(f"lane_{index}")
        .prefix_with("MATERIALIZED", dialect="postgresql")
        for index in range(lanes)
    ]
    found = sa.union_all(*(sa.select(lane.c.job_id) for lane in picked)).subquery("lanes")
    return dialect.read(
        sa.select(*columns)
        .select_from(found)
        .join(t.active_jobs, a.job_id == found.c.job_id)
        .join(t.jobs, j.id == a.job_id)
        .order_by(a.rank, a.job_id)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def lanes_with_work(unit: Unit, lanes: list[Lane]) -> list[Lane]:
    """Those of the lanes that have a pending job. One index seek a lane, locks nothing."""
    rows = unit.rows(_heads(unit.dialect), lanes, now=unit.now)
    return [(queue, type_) for queue, type_, rank in rows if rank is not None]


@cache
def _heads(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(a.queue, a.type)
    first = (
        sa.select(a.rank)
        .where(*claimable(batch.c.queue, batch.c.type))
        .order_by(a.rank, a.job_id)
        .limit(1)
        .scalar_subquery()
    )
    return dialect.read(sa.select(batch.c.queue, batch.c.type, first.label("rank")))
