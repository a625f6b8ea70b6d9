"""The fleet in numbers, by state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Crowd:
    """The workers of one state: their number, slots, leases, and when the quietest of them was
    last heard of (microseconds)."""

    state: str
    workers: int
    slots: int
    leases: int
    quietest: int


def census(unit: Unit) -> list[Crowd]:
    """The workers that have not left, by state. Counts their leases by ix_active_jobs_leased."""
    return [Crowd(*row) for row in unit.rows(_count(unit.dialect))]


@cache
def _count(dialect: Dialect) -> sa.Select[Any]:
    c, a = t.workers.c, t.active_jobs.c
    held = sa.select(sa.func.count()).where(a.worker_id == c.id).scalar_subquery()
    one = (
        sa.select(c.state, c.slots, c.last_seen_at, held.label("leases"))
        .where(c.state != "gone")
        .subquery()
    )
    columns: tuple[Any, ...] = (
        one.c.state,
        sa.func.count(),
        sa.cast(sa.func.sum(one.c.slots), sa.BigInteger),
        sa.cast(sa.func.sum(one.c.leases), sa.BigInteger),
        sa.func.min(one.c.last_seen_at),
    )
    return dialect.read(sa.select(*columns).group_by(one.c.state))
