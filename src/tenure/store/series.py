"""Statistics over time, and what workers said they can run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


@dataclass(frozen=True, slots=True)
class StepSum:
    """What was counted of a measure in the step that began at `at` (microseconds)."""

    at: int
    measure: str
    count: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What one worker serves: `types` is JSON as it registered."""

    state: str
    queues: str
    types: str


def steps(unit: Unit, since: int, step: int, queue: str | None, type_: str | None) -> list[StepSum]:
    """Sums by step (microseconds) and measure from an instant on, of one queue and type if given.

    Reads the range of the key of `stats` from `since` on.
    """
    statement = _sum_steps(unit.dialect, queue is not None, type_ is not None)
    rows = unit.rows(statement, since=since, step=step, queue=queue, type=type_)
    return [StepSum(*row) for row in rows]


@cache
def _sum_steps(dialect: Dialect, by_queue: bool, by_type: bool) -> sa.Select[Any]:
    c = t.stats.c
    at = (c.minute - c.minute % sa.bindparam("step", type_=t.Micros)).label("at")
    statement = sa.select(at, c.measure, _total()).where(
        c.minute >= sa.bindparam("since", type_=t.Micros)
    )
    if by_queue:
        statement = statement.where(c.queue == sa.bindparam("queue"))
    if by_type:
        statement = statement.where(c.type == sa.bindparam("type"))
    return dialect.read(statement.group_by(sa.literal_column("1"), c.measure))


def by_type(unit: Unit, since: int) -> list[tuple[str, str, int]]:
    """(type, measure, count) from an instant on. Reads the range of the key of `stats`."""
    return [tuple(row) for row in unit.rows(_sum_types(unit.dialect), since=since)]


@cache
def _sum_types(dialect: Dialect) -> sa.Select[Any]:
    c = t.stats.c
    return dialect.read(
        sa.select(c.type, c.measure, _total())
        .where(c.minute >= sa.bindparam("since", type_=t.Micros))
        .group_by(c.type, c.measure)
    )


def offers(unit: Unit, limit: int = 1_000) -> list[Offer]:
    """What the newest workers serve, newest first, whatever their state."""
    return [Offer(*row) for row in unit.rows(_read_offers(unit.dialect), limit=limit)]


@cache
def _read_offers(dialect: Dialect) -> sa.Select[Any]:
    c = t.workers.c
    return dialect.read(
        sa.select(c.state, c.queues, c.types)
        .order_by(c.id.desc())
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def _total() -> sa.ColumnElement[Any]:
    """PostgreSQL sums to NUMERIC; counts fit 64 bits."""
    return sa.cast(sa.func.sum(t.stats.c.count), sa.BigInteger).label("total")
