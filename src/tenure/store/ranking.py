"""The order of claim: what one step of priority counts in a queue."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.job import STRICT_STEP, rank
from tenure.store.dialect import Dialect
from tenure.store.tables_queues import AGING, queues
from tenure.store.unit import Unit


def ranked(unit: Unit, queue: str, ready_at: int, priority: int) -> int:
    """The rank of a job of this queue. See `domain.job.rank`."""
    return rank(ready_at, priority, step_of(unit, queue) if priority else STRICT_STEP)


def step_of(unit: Unit, queue: str) -> int:
    """Microseconds of waiting that count as much as one step of priority in this queue.

    Read once a transaction, the queues with aging only; jobs of priority 0 need not ask.
    """
    if unit.steps is None:
        unit.steps = dict(unit.rows(_read_steps(unit.dialect)))
    return unit.steps.get(queue, STRICT_STEP)


@cache
def _read_steps(dialect: Dialect) -> sa.Select[Any]:
    c = queues.c
    return dialect.read(sa.select(c.name, c.aging).where(AGING))
