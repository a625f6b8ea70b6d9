"""Workers that come, fall silent and leave, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import DAY, SECOND
from tenure.domain.errors import WorkerNotFound
from tenure.domain.job import OnLost
from tenure.domain.lease import LeaseTerms
from tenure.store import tables as t
from tenure.store import workers
from tenure.store.renewals import Beat, renew
from tenure.store.workers import NewWorker
from tests.builders import NOW, OTHER_WORKER, WORKER
from tests.store.facts import active, everything, state
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.scenes import claimed, submitted

TERMS = LeaseTerms(30.0)


def newcomer(worker_id: str = WORKER, **changes: Any) -> NewWorker:
    values: dict[str, Any] = {
        "id": worker_id, "name": "w", "hostname": "h", "pid": 7, "version": "1.0", "protocol": 1,
        "queues": ("default", "mail"), "types": {"echo": None, "other": {"type": "object"}},
        "slots": 10, "labels": {"zone": "ü"},
    }  # fmt: skip
    return NewWorker(**(values | changes))


def joined(store: OpenedStore, worker_id: str = WORKER, **changes: Any) -> None:
    store.run(workers.register, newcomer(worker_id, **changes))


def state_of(store: OpenedStore, worker_id: str = WORKER) -> str:
    return store.run(workers.get_worker, worker_id).state


def happened(store: OpenedStore) -> list[tuple[Any, ...]]:
    c = t.events.c
    return [tuple(row) for row in store.rows(sa.select(c.event, c.actor, c.detail).order_by(c.id))]


def test_a_worker_is_as_it_registered(store: OpenedStore) -> None:
    joined(store)
    assert store.run(workers.get_worker, WORKER)._asdict() == {
        "id": WORKER, "name": "w", "hostname": "h", "pid": 7, "version": "1.0", "state": "online",
        "queues": '["default","mail"]',
        "types": '[{"name":"echo","schema":null},{"name":"other","schema":{"type":"object"}}]',
        "slots": 10, "labels": '{"zone":"ü"}', "drain_requested": 0, "registered_at": NOW,
        "last_seen_at": NOW, "running": 0,
    }  # fmt: skip


def test_the_list_is_newest_first_in_pages_and_counts_leases(store: OpenedStore) -> None:
    for worker_id in (WORKER, OTHER_WORKER):
        joined(store, worker_id)
    submitted(store, 3)
    claimed(store, WORKER, 2)
    rows = store.run(workers.list_workers)
    assert [(row.id, row.running) for row in rows] == [(OTHER_WORKER, 0), (WORKER, 2)]
    assert store.run(workers.list_workers, None, 1) == rows[:1]
    assert store.run(workers.list_workers, OTHER_WORKER, 5) == rows[1:]


def test_nobody_knows_this_worker(store: OpenedStore) -> None:
    for verb in (workers.get_worker, workers.drain, workers.goodbye):
        with pytest.raises(WorkerNotFound):
            store.run(verb, WORKER)


def test_goodbye_releases_what_is_held(store: OpenedStore) -> None:
    joined(store)
    (plain,) = submitted(store, 1)
    (once,) = submitted(store, 1, on_lost=OnLost.FAIL)
    claimed(store, WORKER)
    (others,) = submitted(store, 1)
    joined(store, OTHER_WORKER)
    claimed(store, OTHER_WORKER)
    store.now += SECOND
    assert store.run(workers.goodbye, WORKER) == 2
    row = active(store, plain)
    assert (row["state"], row["attempt"], row["releases"]) == ("pending", 0, 1)
    assert (state(store, once), state(store, others)) == ("failed", "running")
    found = store.run(workers.get_worker, WORKER)
    assert (found.state, found.last_seen_at) == ("gone", NOW + SECOND)
    rows = everything(store)
    store.now += SECOND
    assert store.run(workers.goodbye, WORKER) == 0
    assert everything(store) == rows
    assert store.run(workers.get_worker, WORKER) == found


def test_drain_is_asked_once_and_told_each_time(store: OpenedStore) -> None:
    joined(store)
    for _ in range(2):
        store.run(workers.drain, WORKER, "ann")
        assert store.last is not None
        assert store.last.woken == {WORKER}
    assert store.run(workers.get_worker, WORKER).drain_requested == 1
    assert happened(store) == [("drain", "ann", f'{{"worker_id":"{WORKER}","name":"w"}}')]
    store.run(workers.goodbye, WORKER)
    with pytest.raises(WorkerNotFound, match="left"):
        store.run(workers.drain, WORKER)


def test_a_silent_worker_is_lost_after_one_lease(store: OpenedStore) -> None:
    joined(store)
    joined(store, OTHER_WORKER)
    (job_id,) = submitted(store, 1)
    claimed(store, WORKER)
    store.now += TERMS.lease
    store.run(renew, [Beat(OTHER_WORKER, {}, draining=True)], TERMS)
    assert store.run(workers.reap, TERMS) == 0
    store.now += 1
    assert store.run(workers.reap, TERMS) == 1
    assert (state_of(store), state_of(store, OTHER_WORKER)) == ("lost", "draining")
    assert state(store, job_id) == "running"
    assert happened(store) == [("worker_lost", None, f'{{"worker_id":"{WORKER}","name":"w"}}')]
    assert store.run(workers.reap, TERMS) == 0
    store.run(renew, [Beat(WORKER, {})], TERMS)
    assert state_of(store) == "online"


def test_each_reaping_is_bounded(store: OpenedStore) -> None:
    for worker_id in (WORKER, OTHER_WORKER):
        joined(store, worker_id)
    store.now += TERMS.lease + 1
    assert [store.run(workers.reap, TERMS, 1) for _ in range(3)] == [1, 1, 0]


def test_two_coordinators_reap_each_worker_once(postgres_store: PostgresStore) -> None:
    store = postgres_store
    joined(store)
    store.now += TERMS.lease + 1
    one, two = store.beside(
        lambda unit: workers.reap(unit, TERMS), lambda unit: workers.reap(unit, TERMS)
    )
    assert (one, two) == (1, 0)


def test_the_long_silent_are_forgotten_unless_they_hold_a_lease(store: OpenedStore) -> None:
    third = "0193474a-0000-7000-8000-000000000003"
    for worker_id in (WORKER, OTHER_WORKER, third):
        joined(store, worker_id)
    submitted(store, 1)
    claimed(store, WORKER)
    store.run(workers.goodbye, OTHER_WORKER)
    store.now += TERMS.lease + 1
    store.run(renew, [Beat(third, {})], TERMS)
    store.run(workers.reap, TERMS)
    assert store.run(workers.forget, NOW) == 0
    store.now += 2 * DAY
    assert store.run(workers.forget, store.now - DAY) == 1
    known = [row.id for row in store.run(workers.list_workers)]
    assert known == [third, WORKER]
    assert (state_of(store), state_of(store, third)) == ("lost", "online")
