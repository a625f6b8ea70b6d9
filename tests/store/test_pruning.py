"""Deleting old history on both databases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import DAY, MINUTE, SECOND
from tenure.domain.ids import IdSource
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.domain.run import Outcome
from tenure.store import control, pruning, schedules
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.events import Happening, record
from tenure.store.fires import fire
from tenure.store.submits import Submission, submit
from tenure.store.unit import Unit
from tests.builders import NOW, WORKER, new_jobs, report
from tests.store.facts import state
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, ledger, schedule_row, scheduled, submitted

WEEK, MONTH = 7 * DAY, 30 * DAY


def cutoffs(store: OpenedStore) -> dict[JobState, int]:
    return dict.fromkeys(TERMINAL, store.now - WEEK) | {JobState.FAILED: store.now - MONTH}


def walk(store: OpenedStore, scan: int = 5_000, limit: int = 250) -> list[tuple[str, int]]:
    """All old jobs, found step by step."""
    found: list[tuple[str, int]] = []
    after: str | None = pruning.START
    while after is not None:
        stretch = store.run(pruning.next_old, after, cutoffs(store), scan, limit)
        assert len(stretch.jobs) <= limit
        found += stretch.jobs
        after = stretch.after
    return found


def prune(store: OpenedStore) -> int:
    """Delete all old jobs; how many statements of rows it took."""
    old = walk(store)
    tries = 1
    while not store.run(pruning.prune_jobs, old, 10):
        tries += 1
    return tries


def left(store: OpenedStore) -> list[str]:
    """The jobs of which any table still knows."""
    columns = (t.jobs.c.id, t.runs.c.job_id, t.logs.c.job_id, t.events.c.job_id)
    found = sa.union(*(sa.select(column) for column in (*columns, t.checkpoints.c.job_id)))
    ids = (row[0] for row in store.rows(sa.select(found.subquery().c[0])))
    return sorted(job_id for job_id in ids if job_id is not None)


def finished(store: OpenedStore, count: int, **changes: Any) -> list[str]:
    jobs = submitted(store, count)
    claimed(store, WORKER)
    ended(store, *(report(job_id, **changes) for job_id in jobs))
    return jobs


def test_each_state_is_kept_for_its_own_time(store: OpenedStore) -> None:
    done = finished(store, 2)
    failed = finished(store, 1, outcome=Outcome.FAILED, retryable=False)
    cancelled = submitted(store, 1)
    store.run(control.cancel, cancelled[0], Action())
    store.now = NOW + WEEK
    assert walk(store) == []
    store.now += SECOND
    assert [job_id for job_id, _ in walk(store)] == sorted(done + cancelled)
    prune(store)
    assert left(store) == failed
    store.now = NOW + MONTH + SECOND
    prune(store)
    assert left(store) == []


def test_unfinished_jobs_stay_however_old(store: OpenedStore) -> None:
    jobs = submitted(store, 2)
    claimed(store, WORKER, 1)
    store.now += 400 * DAY
    assert walk(store) == []
    assert left(store) == jobs


def test_a_job_counts_from_its_end(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1)
    claimed(store, WORKER)
    store.now += MONTH
    ended(store, report(job_id))
    store.now += WEEK
    assert walk(store) == []
    store.now += SECOND
    assert [found for found, _ in walk(store)] == [job_id]


@pytest.mark.parametrize(("scan", "limit"), [(1, 1), (2, 5), (3, 2), (4, 1), (5_000, 250)])
def test_the_walk_finds_each_old_job_once(store: OpenedStore, scan: int, limit: int) -> None:
    expected = []
    for number in range(7):
        failed = number % 3 == 0
        outcome = Outcome.FAILED if failed else Outcome.COMPLETED
        jobs = finished(store, 1, outcome=outcome, retryable=not failed)
        expected += [] if failed else jobs
    submitted(store, 2)
    store.now += WEEK + SECOND
    assert [job_id for job_id, _ in walk(store, scan, limit)] == expected


def test_everything_about_a_job_goes_a_few_rows_at_a_time(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, max_attempts=30)
    for fence in range(1, 15):
        claimed(store, WORKER)
        outcome = Outcome.COMPLETED if fence == 14 else Outcome.FAILED
        ended(store, report(job_id, fence, outcome=outcome, retry_after_seconds=0.0))
    lines = [
        {"job_id": job_id, "fence": 1, "index": n, "at": NOW, "level": "info", "text": "x"}
        for n in range(25)
    ]
    store.execute(sa.insert(t.logs).values(lines))
    store.run(record, [Happening("noted", job_id)] * 12)
    (other,) = finished(store, 1)
    store.run(record, [Happening("noted", other), Happening("drain")])
    store.now += SECOND
    store.execute(sa.update(t.runs).where(t.runs.c.job_id == other).values(finished_at=store.now))
    store.now = NOW + WEEK + SECOND
    tries = prune(store)
    assert tries > (25 + 12 + 13) // 10
    assert left(store) == [other]
    assert len(store.rows(sa.select(t.events))) == 2


def test_a_job_retried_meanwhile_stays(store: OpenedStore) -> None:
    again, gone = finished(store, 2)
    store.now += WEEK + SECOND
    old = walk(store)
    store.run(control.retry, again, Action())
    assert store.run(pruning.prune_jobs, old)
    assert (left(store), state(store, again)) == ([again], "pending")
    claimed(store, WORKER)
    ended(store, report(again, 2))
    assert store.run(pruning.prune_jobs, [*old, (gone, NOW)])
    assert left(store) == [again]


def test_two_coordinators_delete_beside_each_other(postgres_store: PostgresStore) -> None:
    store = postgres_store
    finished(store, 4)
    store.now += WEEK + SECOND
    old = walk(store)

    def pruning_all(unit: Unit) -> bool:
        return pruning.prune_jobs(unit, old)

    assert store.beside(pruning_all, pruning_all) == (True, True)
    assert left(store) == []


def test_events_go_by_age(store: OpenedStore) -> None:
    store.run(record, [Happening("a")] * 3)
    store.now += MINUTE
    store.run(record, [Happening("b")])
    assert store.run(pruning.prune_events, NOW) == 0
    assert [store.run(pruning.prune_events, store.now, 2) for _ in range(3)] == [2, 1, 0]
    assert store.rows(sa.select(t.events.c.event)) == [("b",)]


def test_statistics_go_by_minute(store: OpenedStore) -> None:
    submitted(store, 1)
    store.now += MINUTE
    submitted(store, 1)
    store.now += SECOND
    assert [store.run(pruning.prune_stats, NOW + MINUTE) for _ in range(2)] == [1, 0]
    kept = sa.select(t.stats.c.minute, t.stats.c.measure, t.stats.c.count).order_by(
        t.stats.c.minute
    )
    assert store.rows(kept) == [(0, "submitted", 1), (NOW + MINUTE, "submitted", 1)]


def test_keys_go_by_age(store: OpenedStore) -> None:
    for number in range(3):
        store.now = NOW + number
        store.run(submit, [Submission(new_jobs(1), NOW, key=f"k{number}")])
    assert [store.run(pruning.prune_keys, NOW + 2, 1) for _ in range(3)] == [1, 1, 0]
    assert store.rows(sa.select(t.idempotency_keys.c.key)) == [("k2",)]


def test_only_old_rows_are_read(store: OpenedStore) -> None:
    finished(store, 3)
    store.now += WEEK + SECOND
    old = walk(store)
    no_whole_table(store, lambda unit: pruning.next_old(unit, pruning.START, cutoffs(store)))
    no_whole_table(store, lambda unit: pruning.prune_jobs(unit, old))
    no_whole_table(store, lambda unit: pruning.prune_stats(unit, store.now))


def test_the_ledger_and_deleted_schedules_go_when_they_are_old(store: OpenedStore) -> None:
    kept, gone = IdSource().make(NOW, 2)
    for id_ in (kept, gone):
        scheduled(store, id=id_)
    store.now = NOW + MINUTE
    store.run(fire)
    store.run(schedules.delete, gone, Action("ann"))
    assert store.run(pruning.prune_fires, store.now) == 0
    assert store.run(pruning.prune_schedules, store.now) == 0
    store.now += MINUTE
    store.run(fire)
    assert store.run(pruning.prune_fires, store.now) == 2
    assert store.run(pruning.prune_schedules, store.now) == 1
    assert [row[0] for row in ledger(store, kept)] == [NOW + 2 * MINUTE]
    assert schedule_row(store, kept)["next_fire_at"] == NOW + 3 * MINUTE
