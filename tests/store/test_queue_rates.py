"""What queues with a rate give to claims, on both databases."""

from __future__ import annotations

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.queue import Rate
from tenure.store import queues
from tests.builders import WORKER, report
from tests.store.limiting import ANN, limit
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, submitted


def test_a_rate_gives_a_bucket_and_then_what_flows_in(store: OpenedStore) -> None:
    limit(store, rate=Rate(10, SECOND))
    submitted(store, 100)
    assert len(claimed(store, WORKER)) == 10
    assert store.last is not None
    assert store.last.opens == {"default": (store.now + SECOND // 10, 1)}
    given = []
    for _ in range(30):
        store.now += SECOND // 20
        given.append(len(claimed(store, WORKER)))
    assert given == [0, 1] * 15
    store.now += SECOND // 2
    assert len(claimed(store, WORKER, 2)) == 2
    assert store.last.opens == {}
    assert len(claimed(store, WORKER)) == 3
    store.now += MINUTE
    assert len(claimed(store, WORKER)) == 10


def test_tokens_are_waited_for_together(store: OpenedStore) -> None:
    limit(store, rate=Rate(1_000, SECOND))
    submitted(store, 1_001)
    assert len(claimed(store, WORKER)) == 500
    assert len(claimed(store, WORKER)) == 500
    assert store.last is not None
    assert store.last.opens == {"default": (store.now + 10_000, 10)}


def test_a_pause_keeps_the_bucket_as_it_is(store: OpenedStore) -> None:
    limit(store, rate=Rate(2, SECOND))
    submitted(store, 5)
    assert len(claimed(store, WORKER)) == 2
    store.run(queues.pause, "default", ANN)
    store.run(queues.resume, "default", ANN)
    assert claimed(store, WORKER) == []
    limit(store, rate=Rate(4, SECOND))
    assert claimed(store, WORKER) == []
    store.now += SECOND // 4
    assert len(claimed(store, WORKER)) == 1


def test_a_rate_and_a_limit_hold_together(store: OpenedStore) -> None:
    limit(store, rate=Rate(5, SECOND), max_running=3)
    jobs = submitted(store, 20)
    assert len(claimed(store, WORKER)) == 3
    ended(store, *(report(job_id) for job_id in jobs[:3]))
    assert len(claimed(store, WORKER)) == 2
    store.now += SECOND
    assert len(claimed(store, WORKER)) == 1
