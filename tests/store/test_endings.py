"""Ending leases on both databases: what is locked, written and counted."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tenure.domain import ending as rules
from tenure.domain.clock import SECOND
from tenure.domain.ending import Held
from tenure.domain.histogram import bucket
from tenure.domain.lifecycle import JobState
from tenure.domain.run import Outcome
from tenure.store import control
from tenure.store import tables as t
from tenure.store.checkpoints import drop_checkpoints, keep_checkpoints
from tenure.store.control import Action
from tenure.store.endings import lock, write
from tenure.store.unit import Unit
from tests.builders import NOW, OTHER_WORKER, WORKER, job_options, report
from tests.store.facts import active, measured, runs, state
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.scenes import claimed, submitted


def leased(store: OpenedStore, count: int, **changes: Any) -> list[str]:
    jobs = submitted(store, count, **changes)
    assert [row[0] for row in claimed(store, WORKER)] == jobs
    return jobs


def held(store: OpenedStore, *leases: tuple[str, int, str]) -> dict[tuple[str, int], Held]:
    return store.run(lock, list(leases))


def test_only_leases_that_match_in_full_are_found(store: OpenedStore) -> None:
    first, second = leased(store, 2)
    (waiting,) = submitted(store, 1)
    found = held(
        store,
        (second, 1, WORKER),
        (first, 1, WORKER),
        (first, 2, WORKER),
        (second, 1, OTHER_WORKER),
        (waiting, 0, WORKER),
    )
    assert found.keys() == {(first, 1), (second, 1)}


def test_a_held_job_is_as_its_rows_say(store: OpenedStore) -> None:
    (job_id,) = leased(store, 1, priority=4, max_attempts=7, timeout_seconds=3.0, queue="mail")
    store.run(control.cancel, job_id, Action())
    [found] = held(store, (job_id, 1, WORKER)).values()
    row = active(store, job_id)
    assert found == Held(
        job_id=job_id, fence=1, worker_id=WORKER, queue="mail", type="echo", attempt=1,
        max_attempts=7, lost=0, releases=0, snoozes=0, rank=row["rank"], run_at=NOW,
        started_at=NOW, deadline_at=row["deadline_at"], cancel_requested=True, progress=None,
        ties=0, priority=4,
        options=job_options(max_attempts=7, timeout_seconds=3.0),
    )  # fmt: skip


def test_endings_of_every_kind_in_one_write(store: OpenedStore) -> None:
    done, failed, again, back, given = leased(store, 5, max_attempts=2)
    store.now += 3 * SECOND

    def settle(unit: Unit) -> None:
        rows = lock(unit, [(job_id, 1, WORKER) for job_id in (done, failed, again, back, given)])
        told: dict[str, Any] = {"outcome": Outcome.FAILED, "error": "{}"}
        write(
            unit,
            [
                rules.reported(rows[done, 1], report(done, result="1"), unit.now, 0.5),
                rules.reported(
                    rows[failed, 1], report(failed, retryable=False, **told), unit.now, 0.5
                ),
                rules.reported(rows[again, 1], report(again, **told), unit.now, 0.5),
                rules.swept(rows[back, 1], unit.now, 3, 0.5),
                rules.released(rows[given, 1], started=True),
            ],
        )

    store.run(settle)
    found = [state(store, job_id) for job_id in (done, failed, again, back, given)]
    assert found == ["completed", "failed", "scheduled", "pending", "pending"]
    outcomes = [runs(store, job_id)[0]["outcome"] for job_id in (done, failed, again, back, given)]
    assert outcomes == ["completed", "failed", "failed", "lost", "released"]
    assert measured(store) == {"submitted": 5, "completed": 1, "failed": 1, "retried": 1, "lost": 1}
    assert store.last is not None
    assert store.last.ready == {("default", "echo"): 2}
    assert sorted(store.last.finished) == sorted([done, failed])
    assert store.last.due == store.now + 2 * SECOND
    s = t.stats.c
    ran = sa.select(s.measure, s.count).where(s.measure.like("duration:%"))
    assert store.rows(ran) == [(f"duration:{bucket(3 * SECOND)}", 4)]


def test_nothing_to_end_writes_nothing(store: OpenedStore) -> None:
    store.run(write, [])
    assert store.rows(sa.select(t.stats)) == []


def test_checkpoints_are_kept_and_dropped(store: OpenedStore) -> None:
    first, second = leased(store, 2)
    store.run(keep_checkpoints, [(second, "[2]"), (first, "[1]")])
    store.run(keep_checkpoints, [(first, "[3]")])
    c = t.checkpoints.c
    assert store.rows(sa.select(c.data).order_by(c.job_id)) == [("[3]",), ("[2]",)]
    store.run(drop_checkpoints, [first])
    assert store.rows(sa.select(c.data)) == [("[2]",)]


def test_different_leases_are_locked_beside_each_other(postgres_store: PostgresStore) -> None:
    store = postgres_store
    first, second = leased(store, 2)

    def locking(unit: Unit) -> set[tuple[str, int]]:
        return set(lock(unit, [(first, 1, WORKER)]))

    def others(unit: Unit) -> set[tuple[str, int]]:
        return set(lock(unit, [(second, 1, WORKER)]))

    assert store.beside(locking, others) == ({(first, 1)}, {(second, 1)})
    assert state(store, first) == JobState.RUNNING
