"""Reading what happened to a job beyond its runs: events, and the lines its handlers logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import LeaseLost
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.endings import lock
from tenure.store.unit import Unit

DROPPED = "dropped"
"""The level of the one line that says how many older lines were dropped."""
_MARKER_SIZE = 100


class EventRow(NamedTuple):
    """One event; `at` in microseconds, `detail` as JSON text."""

    id: str
    at: int
    event: str
    actor: str | None
    reason: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class LineRow:
    """One logged line; `at` is the worker's time in microseconds."""

    fence: int
    index: int
    at: int
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class LogBounds:
    """How much of one run's log is kept. Bytes are counted as characters of text."""

    lines: int = 10_000
    size: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one lease from index `start` on, each (at, level, text)."""

    job_id: str
    fence: int
    worker_id: str
    start: int
    lines: Sequence[tuple[int, str, str]]


def events(unit: Unit, job_id: str, limit: int) -> list[EventRow]:
    """The last `limit` events of a job, oldest first. Reads ix_events_job_id_id."""
    rows = unit.rows(_read_events(unit.dialect), job_id=job_id, limit=limit)
    # Ids of one millisecond made by several processes are in no order, instants are.
    return sorted((EventRow._make(row) for row in rows), key=lambda row: (row.at, row.id))


@cache
def _read_events(dialect: Dialect) -> sa.Select[Any]:
    c = t.events.c
    return dialect.read(
        sa.select(c.id, c.at, c.event, c.actor, c.reason, c.detail)
        .where(c.job_id == sa.bindparam("job_id"))
        .order_by(c.id.desc())
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def append_lines(unit: Unit, item: Lines, bounds: LogBounds) -> int:
    """Store lines of a running lease; how many were new. Sending again adds nothing.

    Locks the active row, so that one run's lines are written by one transaction at a time.
    Beyond the bounds the oldest are dropped, and one line of level `dropped` in their place says
    how many. Raises LeaseLost unless (job, fence, worker) is running.
    """
    if not lock(unit, [(item.job_id, item.fence, item.worker_id)]):
        raise LeaseLost("this lease has ended; its log takes no further lines")
    run: dict[str, Any] = {"job_id": item.job_id, "fence": item.fence}
    end = item.start + len(item.lines)
    first, *held = [
        row[0] for row in unit.rows(_held_lines(unit.dialect), **run, start=item.start, end=end)
    ]
    known, floor = set(held), first or 0
    new = [
        (item.job_id, item.fence, index, *line)
        for index, line in enumerate(item.lines, item.start)
        if index >= floor and index not in known
    ]
    if new:
        unit.execute(_insert_lines(unit.dialect), new)
        unit.logged.add(item.job_id)
        _drop_oldest(unit, run, bounds)
    return len(new)


@cache
def _held_lines(dialect: Dialect) -> sa.Select[Any]:
    """The run's first index (or null), then those in [start, end)."""
    c = t.logs.c
    run = (c.job_id == sa.bindparam("job_id"), c.fence == sa.bindparam("fence"))
    lowest: tuple[Any, ...] = (sa.func.min(c.index).label("index"), _part(0))
    first = sa.select(*lowest).where(*run)
    inside = sa.select(c.index, _part(1)).where(
        *run, c.index >= sa.bindparam("start"), c.index < sa.bindparam("end")
    )
    both = sa.union_all(first, inside).subquery("both")
    return dialect.read(sa.select(both.c.index).order_by(both.c.part))


def _part(number: int) -> sa.Label[Any]:
    return sa.literal_column(str(number)).label("part")


@cache
def _insert_lines(dialect: Dialect) -> sa.Executable:
    c = t.logs.c
    columns = (c.job_id, c.fence, c.index, c.at, c.level, c.text)
    batch = dialect.batch(*columns)
    return sa.insert(t.logs).from_select([c.name for c in columns], sa.select(*batch.c))


def _drop_oldest(unit: Unit, run: dict[str, Any], bounds: LogBounds) -> None:
    count, size, last = unit.rows(_measure(unit.dialect), **run)[0]
    if count <= bounds.lines and size <= bounds.size:
        return
    params = run | {"lines": bounds.lines - 1, "size": bounds.size - _MARKER_SIZE}
    kept = unit.rows(_first_kept(unit.dialect), **params)[0][0]
    cut = last if kept is None else kept
    if cut == 0:
        return
    unit.execute(_drop_lines(), **run, cut=cut)
    text = f"{cut} older lines were dropped"
    marker = {"index": cut - 1, "at": unit.now, "level": DROPPED, "text": text}
    unit.execute(sa.insert(t.logs), **run, **marker)


@cache
def _measure(dialect: Dialect) -> sa.Select[Any]:
    c = t.logs.c
    size = sa.cast(sa.func.coalesce(sa.func.sum(sa.func.length(c.text)), 0), sa.BigInteger)
    columns: tuple[Any, ...] = (sa.func.count(), size, sa.func.max(c.index))
    return dialect.read(
        sa.select(*columns).where(
            c.job_id == sa.bindparam("job_id"), c.fence == sa.bindparam("fence")
        )
    )


@cache
def _first_kept(dialect: Dialect) -> sa.Select[Any]:
    """The first index such that it and all later lines fit the bounds; null when none does."""
    c = t.logs.c
    totals = (
        sa.select(
            c.index,
            sa.func.row_number().over(order_by=c.index.desc()).label("lines"),
            sa.func.sum(sa.func.length(c.text)).over(order_by=c.index.desc()).label("size"),
        )
        .where(c.job_id == sa.bindparam("job_id"), c.fence == sa.bindparam("fence"))
        .subquery("totals")
    )
    return dialect.read(
        sa.select(sa.func.min(totals.c.index)).where(
            totals.c.lines <= sa.bindparam("lines"), totals.c.size <= sa.bindparam("size")
        )
    )


@cache
def _drop_lines() -> sa.Delete:
    c = t.logs.c
    return sa.delete(t.logs).where(
        c.job_id == sa.bindparam("job_id"),
        c.fence == sa.bindparam("fence"),
        c.index < sa.bindparam("cut"),
    )


def lines(
    unit: Unit, job_id: str, fence: int | None, after: tuple[int, int], limit: int
) -> list[LineRow]:
    """Logged lines of a job, or of one of its runs, beyond (fence, index), in that order."""
    wanted: dict[str, Any] = {"job_id": job_id, "limit": limit}
    wanted |= {"after_fence": after[0], "after_index": after[1]}
    if fence is not None:
        wanted["fence"] = fence
    rows = unit.rows(_read_lines(unit.dialect, fence is not None), **wanted)
    return [LineRow(*row) for row in rows]


@cache
def _read_lines(dialect: Dialect, one_run: bool) -> sa.Select[Any]:
    c = t.logs.c
    statement = (
        sa.select(c.fence, c.index, c.at, c.level, c.text)
        .where(
            c.job_id == sa.bindparam("job_id"),
            sa.tuple_(c.fence, c.index)
            > sa.tuple_(
                sa.bindparam("after_fence", type_=sa.BigInteger()),
                sa.bindparam("after_index", type_=t.Integer),
            ),
        )
        .order_by(c.fence, c.index)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )
    return dialect.read(statement.where(c.fence == sa.bindparam("fence")) if one_run else statement)
