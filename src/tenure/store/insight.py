"""Numbers: unfinished jobs by queue, type and state, the workers online, sums of `stats`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit

_NAMES = msgspec.json.Decoder(list[str])


@dataclass(frozen=True, slots=True, order=True)
class ActiveCount:
    """Unfinished jobs of one queue, type and state; `oldest` is the first instant at which one of
    them became or becomes ready, microseconds."""

    queue: str
    type: str
    state: str
    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers online that serve the same queues, and their slots together."""

    queues: tuple[str, ...]
    workers: int
    slots: int


@dataclass(frozen=True, slots=True)
class Sum:
    """What was counted of a measure in the minute that began at `minute` (microseconds)."""

    minute: int
    measure: str
    count: int


def active_counts(unit: Unit) -> list[ActiveCount]:
    """Count all unfinished jobs. Reads `active_jobs` once, whole: the caller decides how often."""
    return [ActiveCount(*row) for row in unit.rows(_count_active(unit.dialect))]


@cache
def _count_active(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    columns: tuple[Any, ...] = (a.queue, a.type, a.state, sa.func.count(), sa.func.min(a.run_at))
    return dialect.read(sa.select(*columns).group_by(a.queue, a.type, a.state))


def crews(unit: Unit) -> list[Crew]:
    """The workers online, together where they serve the same queues."""
    return [
        Crew(tuple(_NAMES.decode(queues)), workers, slots)
        for queues, workers, slots in unit.rows(_read_crews(unit.dialect))
    ]


@cache
def _read_crews(dialect: Dialect) -> sa.Select[Any]:
    c = t.workers.c
    columns: tuple[Any, ...] = (c.queues, sa.func.count(), sa.cast(sa.func.sum(c.slots), t.Integer))
    return dialect.read(sa.select(*columns).where(c.state == "online").group_by(c.queues))


def totals(unit: Unit, before: int) -> dict[str, int]:
    """Sums by measure of all minutes before an instant. Reads the whole of `stats` before it."""
    return {row[0]: row[1] for row in unit.rows(_sum_before(unit.dialect), before=before)}


@cache
def _sum_before(dialect: Dialect) -> sa.Select[Any]:
    c = t.stats.c
    return dialect.read(
        sa.select(c.measure, _total())
        .where(c.minute < sa.bindparam("before", type_=t.Micros))
        .group_by(c.measure)
    )


def minutes(unit: Unit, since: int) -> list[Sum]:
    """Sums by minute and measure from an instant on. Reads a range of the key of `stats`."""
    return [Sum(*row) for row in unit.rows(_sum_minutes(unit.dialect), since=since)]


@cache
def _sum_minutes(dialect: Dialect) -> sa.Select[Any]:
    c = t.stats.c
    return dialect.read(
        sa.select(c.minute, c.measure, _total())
        .where(c.minute >= sa.bindparam("since", type_=t.Micros))
        .group_by(c.minute, c.measure)
    )


def _total() -> sa.ColumnElement[Any]:
    """PostgreSQL sums to NUMERIC; counts fit 64 bits."""
    return sa.cast(sa.func.sum(t.stats.c.count), sa.BigInteger).label("total")
