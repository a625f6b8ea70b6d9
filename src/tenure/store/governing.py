"""What queues give to a claim: those that are paused, or have a bound on what runs or a rate.

A claim learns from its workers' rows which of their queues are governed, in the statement that
reads these rows anyway; queues without such settings cost it nothing more. For the others it locks
the queue's row, and what runs is counted from rows that bear Tie.QUEUE, so that nothing can be
exceeded and a crash leaks nothing (ADR 0015).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.job import Tie
from tenure.domain.queue import Gate, QueueRules, Rate
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.lanes import MAX_LANES, lanes_with_work
from tenure.store.tables_queues import GOVERNED, queues
from tenure.store.unit import Lane, Unit

_PAUSED = "!"
"""Stands before the name of a paused queue; no name has it."""
_MANY = 2**31
AGAIN = 20_000
"""Microseconds after which a queue is tried again that another claim held just now."""
_TOGETHER = 10_000
"""Tokens that come within so many microseconds are waited for together: a wake-up for each would
be work without end."""


def governed_queues(dialect: Dialect) -> sa.ScalarSelect[Any]:
    """The governed queues among those of a row of `workers`, comma-separated, for `Governor`.

    Whoever makes a queue governed waits for all transactions that have read this.
    """
    asked = dialect.json_get(t.workers.c.queues)
    name = sa.case(
        (queues.c.paused_at.is_not(None), sa.literal_column(f"'{_PAUSED}'") + queues.c.name),
        else_=queues.c.name,
    )
    return (
        sa.select(sa.func.aggregate_strings(name, ","))
        .join_from(asked, queues, queues.c.name == asked.c.value)
        .where(GOVERNED)
        .correlate(t.workers)
        .scalar_subquery()
    )


class _Row(NamedTuple):
    """A queue's row, locked."""

    name: str
    paused_at: int | None
    max_running: int | None
    rate_count: int | None
    rate_interval: int | None
    rate_at: int
    counted: int


class Governor:
    """The governed queues of all claims of one transaction: what each still gives.

    `names`: texts of `governed_queues`. Locks the rows of `queues` it needs, ascending, SKIP
    LOCKED: a queue that another coordinator's claim holds gives nothing this time.
    """

    def __init__(self, unit: Unit, names: Iterable[str | None]) -> None:
        self._unit = unit
        found = {name for text in names if text for name in text.split(",")}
        self._room: dict[str, int] = {
            name.removeprefix(_PAUSED): 0 for name in found if name.startswith(_PAUSED)
        }
        self._unknown = found - {_PAUSED + name for name in self._room}
        self._gates: dict[str, Gate] = {}
        self._taken: Counter[str] = Counter()

    @property
    def gives(self) -> bool:
        """Whether any governed queue may give jobs."""
        return bool(self._gates)

    def room(self, lanes: tuple[Lane, ...]) -> dict[str, int]:
        """How many jobs the governed queues among the lanes give now. Others are not limited."""
        wanted = {queue for queue, _ in lanes}
        if asked := wanted & self._unknown:
            self._unknown -= asked
            self._open(asked, lanes)
        return {queue: room for queue, room in self._room.items() if queue in wanted}

    def take(self, rows: list[Any]) -> None:
        """Note that these pending rows are leased."""
        if self._room:
            self._taken.update(row[6] for row in rows if row[6] in self._room)
            for queue, number in self._taken.items():
                self._room[queue] = self._gates[queue].room(self._unit.now, _MANY) - number

    def counts(self, queue: str) -> bool:
        """Whether jobs of this queue are to bear Tie.QUEUE while they run."""
        return queue in self._gates

    def write(self) -> None:
        """After the last claim: spend the tokens, and note when there are some again."""
        unit = self._unit
        unit.freed.subtract(self._taken)
        spent: list[tuple[str, int]] = []
        for name, gate in self._gates.items():
            rate = gate.rules.rate
            if rate is None:
                continue
            at = rate.spend(gate.rate_at, unit.now, self._taken[name])
            if self._taken[name]:
                spent.append((name, at))
            if not rate.tokens(at, unit.now):
                due = max(rate.next_at(at, unit.now), unit.now + _TOGETHER)
                unit.opens[name] = (due, rate.tokens(at, due))
        if spent:
            unit.execute(_spend(unit.dialect), sorted(spent))

    def _open(self, asked: set[str], lanes: tuple[Lane, ...]) -> None:
        unit = self._unit
        self._room |= dict.fromkeys(asked, 0)
        if len(asked) > MAX_LANES:
            governed = [lane for lane in lanes if lane[0] in asked]
            asked = {queue for queue, _ in lanes_with_work(unit, governed)}
        if not asked:
            return
        rows = unit.rows(_lock(unit.dialect), [(name,) for name in sorted(asked)])
        for name in asked.difference(row[0] for row in rows):
            unit.opens[name] = (unit.now + AGAIN, _MANY)
        locked = [_Row._make(row) for row in rows]
        used = _in_use(unit, [row for row in locked if row.max_running is not None])
        for row in locked:
            gate = _gate(row, used.get(row.name, 0))
            self._gates[row.name] = gate
            self._room[row.name] = gate.room(unit.now, _MANY)


def _gate(row: _Row, in_use: int) -> Gate:
    rules = QueueRules(row.max_running, rate_of(row.rate_count, row.rate_interval))
    return Gate(rules, row.paused_at, in_use=in_use, rate_at=row.rate_at)


def rate_of(count: int | None, interval: int | None) -> Rate | None:
    """A rate from its two columns."""
    return None if count is None or interval is None else Rate(count, interval)


@cache
def _lock(dialect: Dialect) -> sa.Select[Any]:
    c = queues.c
    batch = dialect.batch(c.name)
    return dialect.read(
        sa.select(*(c[name] for name in _Row._fields))
        .where(c.name.in_(sa.select(batch.c.name)))
        .order_by(c.name)
        .with_for_update(skip_locked=True)
    )


@cache
def _spend(dialect: Dialect) -> sa.Executable:
    c = queues.c
    batch = dialect.batch(c.name, c.rate_at)
    return sa.update(queues).where(c.name == batch.c.name).values(rate_at=batch.c.rate_at)


def _in_use(unit: Unit, rows: list[_Row]) -> dict[str, int]:
    """How many jobs run in locked queues. In a statement of its own: one that waits for nothing
    after the locks sees what former holders of them committed."""
    if not rows:
        return {}
    old = [(row.name,) for row in rows if not row.counted]
    others: dict[str, int] = dict(_catch_up(unit, old)) if old else {}
    names = [(row.name,) for row in rows]
    counts: Mapping[str, int] = dict(unit.rows(_count(unit.dialect), names))
    return {name: number + others.get(name, 0) for name, number in counts.items()}


@cache
def _count(dialect: Dialect) -> sa.Select[Any]:
    batch = dialect.batch(queues.c.name)
    return dialect.read(sa.select(batch.c.name, in_use(batch.c.name).label("number")))


def in_use(name: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    """How many jobs of a queue run that bear Tie.QUEUE. Reads ix_active_jobs_counted."""
    a = t.active_jobs.c
    return (
        sa.select(sa.func.count())
        .select_from(t.active_jobs)
        .where(a.queue == name, t.COUNTED)
        .scalar_subquery()
    )


def _catch_up(unit: Unit, names: list[tuple[str]]) -> list[tuple[str, int]]:
    """Give the bit to jobs that were leased before their queue was governed; how many are left.

    Rows that others hold are left for the next claim and counted without it meanwhile. Walks all
    leases, while there is one such job left, not longer.
    """
    unit.execute(_mark(unit.dialect), names)
    left = [tuple(row) for row in unit.rows(_count_unmarked(unit.dialect), names)]
    done = [(name,) for name, number in left if not number]
    if done:
        unit.execute(_all_counted(unit.dialect), done)
    return left


@cache
def _mark(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.queue)
    found = (
        sa.select(a.job_id)
        .where(t.LEASED, sa.not_(t.COUNTED), a.queue.in_(sa.select(batch.c.queue)))
        .order_by(a.job_id)
        .with_for_update(skip_locked=True)
        .cte("found")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return (
        sa.update(t.active_jobs)
        .where(a.job_id.in_(sa.select(found.c.job_id)))
        .values(ties=a.ties.bitwise_or(sa.literal_column(str(int(Tie.QUEUE)))))
    )


@cache
def _count_unmarked(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(queues.c.name)
    number = (
        sa.select(sa.func.count())
        .select_from(t.active_jobs)
        .where(t.LEASED, sa.not_(t.COUNTED), a.queue == batch.c.name)
        .correlate(batch)
        .scalar_subquery()
    )
    return dialect.read(sa.select(batch.c.name, number.label("number")))


@cache
def _all_counted(dialect: Dialect) -> sa.Executable:
    c = queues.c
    batch = dialect.batch(c.name)
    return (
        sa.update(queues)
        .where(c.name.in_(sa.select(batch.c.name)))
        .values(counted=sa.literal_column("1"))
    )
