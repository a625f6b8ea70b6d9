"""Coordinators that say they live, on both databases."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.domain.clock import DAY, SECOND
from tenure.domain.lease import LeaseTerms
from tenure.store import coordinators
from tenure.store import tables as t
from tests.builders import NOW
from tests.store.opened import COORDINATOR, OTHER_COORDINATOR, OpenedStore, PostgresStore

TERMS = LeaseTerms(30.0)


def seen(store: OpenedStore) -> list[tuple[str, int, int]]:
    c = t.coordinators.c
    rows = store.rows(sa.select(c.id, c.started_at, c.last_seen_at).order_by(c.id))
    return [(row.id, row.started_at, row.last_seen_at) for row in rows]


def another(store: OpenedStore, last_seen_at: int) -> None:
    values = {"id": OTHER_COORDINATOR, "started_at": NOW, "last_seen_at": last_seen_at}
    store.execute(sa.insert(t.coordinators).values(values))


def test_a_beat_is_one_row_that_moves(store: OpenedStore) -> None:
    assert store.run(coordinators.beat, TERMS) == 1
    store.now += SECOND
    assert store.run(coordinators.beat, TERMS) == 1
    assert seen(store) == [(COORDINATOR, NOW, NOW + SECOND)]


def test_only_those_seen_within_a_lease_count(store: OpenedStore) -> None:
    another(store, NOW)
    store.now += TERMS.lease - 1
    assert store.run(coordinators.beat, TERMS) == 2
    store.now += 1
    assert store.run(coordinators.beat, TERMS) == 1


def test_who_stops_leaves_no_row(store: OpenedStore) -> None:
    another(store, NOW)
    store.run(coordinators.beat, TERMS)
    for _ in range(2):
        store.run(coordinators.leave)
    assert [row[0] for row in seen(store)] == [OTHER_COORDINATOR]


def test_the_dead_are_forgotten(store: OpenedStore) -> None:
    another(store, NOW)
    store.now += DAY
    store.run(coordinators.beat, TERMS)
    assert store.run(coordinators.forget, NOW) == 0
    assert store.run(coordinators.forget, NOW + 1) == 1
    assert [row[0] for row in seen(store)] == [COORDINATOR]


def test_two_beat_beside_each_other(postgres_store: PostgresStore) -> None:
    store = postgres_store
    store.beside(
        lambda unit: coordinators.beat(unit, TERMS), lambda unit: coordinators.beat(unit, TERMS)
    )
    assert [row[0] for row in seen(store)] == [COORDINATOR, OTHER_COORDINATOR]
