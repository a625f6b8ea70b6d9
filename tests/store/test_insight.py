"""Numbers on both databases."""

from __future__ import annotations

from tenure.domain.clock import MINUTE, SECOND
from tenure.store import insight
from tenure.store.insight import ActiveCount, Crew, Sum
from tests.builders import NOW, WORKER, report
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, submitted, worker


def test_counts_by_queue_type_and_state(store: OpenedStore) -> None:
    assert store.run(insight.active_counts) == []
    submitted(store, 3)
    claimed(store, WORKER, 1)
    store.now += SECOND
    submitted(store, 2, "other", queue="mail")
    submitted(store, 1, run_at=NOW + MINUTE)
    assert sorted(store.run(insight.active_counts)) == [
        ActiveCount("default", "echo", "pending", 2, NOW),
        ActiveCount("default", "echo", "running", 1, NOW),
        ActiveCount("default", "echo", "scheduled", 1, NOW + MINUTE),
        ActiveCount("mail", "other", "pending", 2, NOW + SECOND),
    ]


def test_workers_online_are_counted_by_their_queues(store: OpenedStore) -> None:
    ids = [WORKER[:-1] + str(n) for n in range(5)]
    worker(store, ids[0], slots=4)
    worker(store, ids[1], slots=6)
    worker(store, ids[2], slots=1, queues='["mail"]')
    worker(store, ids[3], slots=9, state="gone")
    worker(store, ids[4], slots=9, state="draining")
    assert sorted(store.run(insight.crews), key=lambda crew: crew.queues) == [
        Crew(("default", "mail"), 2, 10),
        Crew(("mail",), 1, 1),
    ]


def test_sums_by_minute_and_before_one(store: OpenedStore) -> None:
    start = NOW - NOW % MINUTE
    for minute in range(3):
        store.now = start + minute * MINUTE + SECOND
        submitted(store, 1, queue=f"q{minute % 2}")
        submitted(store, minute)
    sums = {(row.minute, row.measure): row.count for row in store.run(insight.minutes, start)}
    assert sums == {(start + n * MINUTE, "submitted"): 1 + n for n in range(3)}
    assert store.run(insight.minutes, start + 2 * MINUTE) == [
        Sum(start + 2 * MINUTE, "submitted", 3)
    ]
    assert store.run(insight.totals, start + 2 * MINUTE) == {"submitted": 3}
    assert store.run(insight.totals, start) == {}


def test_histograms_are_summed_like_counts(store: OpenedStore) -> None:
    ids = submitted(store, 4)
    store.now += 2 * SECOND
    claimed(store, WORKER)
    ended(store, *(report(job_id) for job_id in ids))
    sums = {row.measure: row.count for row in store.run(insight.minutes, 0)}
    assert sums == {"submitted": 4, "completed": 4, "delay:8": 4, "duration:0": 4}


def test_minutes_read_a_range_of_the_key(store: OpenedStore) -> None:
    submitted(store, 1)
    no_whole_table(store, lambda unit: insight.minutes(unit, NOW))
