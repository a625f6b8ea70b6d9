"""Lists of jobs, newest first: keyset pages that examine a bounded number of rows.

A page is gathered from windows: the newest rows of a source below the cursor, then what of them
matches. A source is the index that fits the asked states: `active_jobs` for unfinished ones,
ix_runs_ended_badly for failed, cancelled, skipped and expired ones, else `jobs` by id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.lifecycle import ACTIVE, JobState
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit

MAX_EXAMINED = 10_000
MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Payloads and results of one page; a page holds one job at least."""
_WINDOWS = (500, 2_000, 2_000, 2_000, 2_000, 1_500)
"""Small ones: PostgreSQL prefers reading a whole table to many thousand single look-ups."""
_LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_ENDED_BADLY = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.SKIPPED, JobState.EXPIRED})
_FEW: dict[JobState, sa.ColumnElement[bool]] = {
    JobState.RUNNING: t.LEASED,
    JobState.PENDING: t.READY,
    JobState.SCHEDULED: t.SCHEDULED,
}
"""Unfinished states with an index of their own, useful while they are few."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list shows; all that is given must hold. `text` is looked for in name, type, queue
    and payload, without regard to case (ASCII letters at least)."""

    states: frozenset[JobState] = frozenset()
    queue: str | None = None
    type: str | None = None
    tag: str | None = None
    text: str | None = None

    @property
    def open(self) -> bool:
        """Whether every job is shown."""
        return self == _OPEN


_OPEN = Filter()


@dataclass(frozen=True, slots=True)
class Listed:
    """Ids of a page, newest first. `next` is the id to go on below, None at the end."""

    ids: list[str]
    next: str | None


def job_ids(unit: Unit, wanted: Filter, after: str | None, limit: int, skip: int = 0) -> Listed:
    """A page of `limit` jobs below the id `after`, beyond the first `skip` that match.

    Examines at most MAX_EXAMINED rows, so the page may be short, even empty, while `next` is set.
    """
    below = after or _LAST
    streams = _streams(unit, wanted.states)
    found: list[tuple[str, int]] = []
    for size in _sizes(wanted, limit + skip):
        room = limit + skip - len(found)
        rows, edge, count = _window(unit, wanted, streams, below, size, room)
        found += rows
        if len(rows) == room or edge is None or count < size:
            more = len(rows) == room and (count == size or rows[-1][0] != edge)
            return _cut(found[skip:], found[-1][0] if more else None)
        below = edge
    return _cut(found[skip:], below)


def _sizes(wanted: Filter, goal: int) -> Iterator[int]:
    left = MAX_EXAMINED
    for size in (goal + 1, *_WINDOWS) if wanted.open else _WINDOWS:
        if left:
            yield min(size, left)
            left -= min(size, left)


def _cut(found: list[tuple[str, int]], following: str | None) -> Listed:
    """Bound a page by its bytes."""
    total = 0
    for place, (_, size) in enumerate(found):
        total += size
        if total > MAX_PAGE_BYTES and place:
            return Listed([job_id for job_id, _ in found[:place]], found[place - 1][0])
    return Listed([job_id for job_id, _ in found], following)


def _streams(unit: Unit, states: frozenset[JobState]) -> tuple[str, ...]:
    """Which descending reads of ids together hold all jobs in `states`, by name."""
    if states and states <= _ENDED_BADLY:
        return tuple(sorted(states))
    if not states or not states <= ACTIVE:
        return ("jobs",)
    if states <= _FEW.keys() and all(_is_few(unit, state) for state in states):
        return tuple(sorted(states))
    return ("active_jobs",)


def _is_few(unit: Unit, state: JobState) -> bool:
    count: int = unit.rows(_count_few(unit.dialect, state))[0][0]
    return count <= MAX_EXAMINED // 2


@cache
def _count_few(dialect: Dialect, state: JobState) -> sa.Select[Any]:
    some = (
        sa.select(sa.literal_column("1").label("one"))
        .select_from(t.active_jobs)
        .where(_FEW[state])
        .limit(MAX_EXAMINED // 2 + 1)
        .subquery("some")
    )
    return dialect.read(sa.select(sa.func.count()).select_from(some))


def _window(
    unit: Unit, wanted: Filter, streams: tuple[str, ...], below: str, size: int, room: int
) -> tuple[list[tuple[str, int]], str | None, int]:
    """The matches among the next `size` rows, at most `room`; the last row's id; how many."""
    params: dict[str, Any] = {"below": below, "size": size, "room": room}
    for name in ("queue", "type", "tag"):
        if getattr(wanted, name) is not None:
            params[name] = getattr(wanted, name)
    if wanted.text is not None:
        params["text"] = _pattern(wanted.text)
    named = frozenset(params.keys() - {"below", "size", "room"})
    rows = unit.rows(_read_window(unit.dialect, streams, named, wanted.states), **params)
    _, _, edge, count = rows[0]
    return [(row[0], row[1]) for row in rows if row[0] is not None], edge, count


def _pattern(text: str) -> str:
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return f"%{text}%"


@cache
def _read_window(
    dialect: Dialect, streams: tuple[str, ...], named: frozenset[str], states: frozenset[JobState]
) -> sa.Select[Any]:
    """Rows of (id, bytes, edge, count); one row with id null when nothing matches."""
    below, size = sa.bindparam("below", type_=t.Uuid), sa.bindparam("size", type_=t.Integer)
    parts = [_stream(name, below, size).subquery(f"stream_{name}") for name in streams]
    ids = (
        sa.union_all(*(sa.select(part.c.id) for part in parts)).subquery("ids")
        if len(parts) > 1
        else parts[0]
    )
    window = (
        sa.select(ids.c.id)
        .order_by(ids.c.id.desc())
        .limit(size)
        .cte("window_ids")
        .prefix_with("MATERIALIZED")
    )
    last = window.alias("last_ids")
    edge = sa.select(last.c.id).order_by(last.c.id).limit(1).scalar_subquery()
    count = sa.select(sa.func.count()).select_from(window.alias("all_ids")).scalar_subquery()
    bounds = sa.select(edge.label("edge"), count.label("n")).subquery("bounds")
    matches = _matches(dialect, window, named, states).subquery("matches")
    return dialect.read(
        sa.select(matches.c.id, matches.c.size, bounds.c.edge, bounds.c.n)
        .select_from(bounds.outerjoin(matches, sa.true()))
        .order_by(matches.c.id.desc())
    )


def _stream(name: str, below: Any, size: Any) -> sa.Select[Any]:
    """Ids below the cursor in descending order, from one index."""
    j, a, r = t.jobs.c, t.active_jobs.c, t.runs.c
    if name == "jobs":
        statement = sa.select(j.id).where(j.id < below).order_by(j.id.desc())
    elif name in _ENDED_BADLY:
        # The words are written out so that the planner sees that the partial index fits.
        state: Any = sa.literal_column(f"'{JobState(name).value}'")
        statement = (
            sa.select(r.job_id.label("id"))
            .where(r.final_state == state, t.ENDED_BADLY, r.job_id < below)
            .order_by(r.job_id.desc())
        )
    elif name in _FEW:
        # The cast keeps the planner from walking the primary key in search of a few rows.
        key = sa.cast(a.job_id, t.Text)
        statement = (
            sa.select(a.job_id.label("id"))
            .where(_FEW[JobState(name)], key < sa.cast(below, t.Text))
            .order_by(key.desc())
        )
    else:
        statement = (
            sa.select(a.job_id.label("id")).where(a.job_id < below).order_by(a.job_id.desc())
        )
    return statement.limit(size)


def _matches(
    dialect: Dialect, window: Any, named: frozenset[str], states: frozenset[JobState]
) -> sa.Select[Any]:
    j, a, r = t.jobs.c, t.active_jobs.c, t.runs.c
    size = sa.func.length(j.payload) + sa.func.coalesce(sa.func.length(r.result), 0)
    statement = (
        sa.select(j.id, size.label("size"))
        .select_from(window)
        .join(t.jobs, j.id == window.c.id)
        .outerjoin(t.runs, sa.and_(r.job_id == j.id, t.FINAL))
        .where(j.deleted_at.is_(None))
        .order_by(j.id.desc())
        .limit(sa.bindparam("room", type_=t.Integer))
    )
    if states:
        statement = statement.outerjoin(t.active_jobs, a.job_id == j.id).where(
            sa.func.coalesce(a.state, r.final_state).in_(
                [sa.literal_column(f"'{state.value}'") for state in sorted(states)]
            )
        )
    for name in named & {"queue", "type"}:
        statement = statement.where(j[name] == sa.bindparam(name, type_=t.Text))
    if "tag" in named:
        tags = dialect.json_get(j.tags)
        has: Any = sa.select(sa.literal_column("1")).select_from(tags).correlate(t.jobs)
        statement = statement.where(has.where(tags.c.value == sa.bindparam("tag")).exists())
    if "text" in named:
        pattern = sa.func.lower(sa.bindparam("text", type_=t.Text))
        places = (j.name, j.type, j.queue, j.payload)
        like = (sa.func.lower(place).like(pattern, escape="\\") for place in places)
        statement = statement.where(sa.or_(*like))
    return statement
