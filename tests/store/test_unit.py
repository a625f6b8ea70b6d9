"""What a transaction says after its commit."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.domain.clock import MINUTE
from tenure.store import tables as t
from tenure.store.unit import Unit, json_text
from tests.builders import NOW
from tests.store.opened import COORDINATOR, OpenedStore

LANE = ("q", "echo")


def _stats(store: OpenedStore) -> list[tuple[object, ...]]:
    c = t.stats.c
    statement = sa.select(c.minute, c.queue, c.type, c.measure, c.coordinator_id, c.count)
    return sorted(tuple(row) for row in store.rows(statement))


def test_counts_of_a_minute_add_up(store: OpenedStore) -> None:
    def count(unit: Unit) -> None:
        unit.count(*LANE, "submitted", 2)
        unit.count(*LANE, "submitted")
        unit.count(*LANE, "failed", 0)

    store.run(count)
    store.run(count)
    minute = NOW - NOW % MINUTE
    assert _stats(store) == [(minute, *LANE, "submitted", COORDINATOR, 6)]
    store.now += MINUTE
    store.run(count)
    assert [row[5] for row in _stats(store)] == [6, 3]


def test_spans_go_into_a_histogram(store: OpenedStore) -> None:
    store.run(lambda unit: unit.observe(LANE, "delay", [1, 1, 10_000_000]))
    measures = {str(row[3]): row[5] for row in _stats(store)}
    assert sum(int(str(count)) for count in measures.values()) == 3
    assert all(name.startswith("delay:") for name in measures)
    assert len(measures) == 2


def test_the_earliest_instant_counts(store: OpenedStore) -> None:
    def schedule(unit: Unit) -> int | None:
        assert unit.due is None
        for at in (NOW + 5, NOW + 2, NOW + 9):
            unit.schedule(at)
        return unit.due

    assert store.run(schedule) == NOW + 2


def test_units_of_one_transaction_are_told_together(store: OpenedStore) -> None:
    def together(unit: Unit) -> Unit:
        for number in (1, 2):
            other = Unit(unit.conn, unit.dialect, unit.now, COORDINATOR)
            other.ready[LANE] += number
            other.woken.add(str(number))
            other.finished.append(str(number))
            other.schedule(NOW + number)
            other.count(*LANE, "submitted", number)
            unit.absorb(other)
        unit.absorb(Unit(unit.conn, unit.dialect, unit.now, COORDINATOR))
        return unit

    unit = store.run(together)
    assert (unit.ready[LANE], unit.woken, unit.finished) == (3, {"1", "2"}, ["1", "2"])
    assert unit.due == NOW + 1
    assert [row[5] for row in _stats(store)] == [3]


def test_json_text_is_compact() -> None:
    assert json_text([["a", None, 1]]) == '[["a",null,1]]'
