"""The fleet in numbers, on both databases."""

from __future__ import annotations

from tenure.domain.clock import SECOND
from tenure.store.census import Crowd, census
from tests.builders import NOW, WORKER
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, submitted, worker


def test_workers_slots_and_leases_by_state(store: OpenedStore) -> None:
    assert store.run(census) == []
    ids = [WORKER[:-1] + str(n) for n in range(1, 5)]
    worker(store, ids[0], slots=4)
    worker(store, ids[1], slots=6, last_seen_at=NOW - SECOND)
    worker(store, ids[2], slots=9, state="gone")
    worker(store, ids[3], slots=2, state="draining")
    submitted(store, 3)
    claimed(store, ids[0], 3)
    assert sorted(store.run(census), key=lambda crowd: crowd.state) == [
        Crowd("draining", 1, 2, 0, NOW),
        Crowd("online", 2, 10, 3, NOW - SECOND),
    ]
