"""Jobs that become due or too late, on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.job import rank
from tenure.domain.run import Outcome
from tenure.store import control
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.promotions import expire, next_due, promote
from tenure.store.renewals import Released, release
from tests.builders import NOW, WORKER, report
from tests.store.facts import active, everything, measured, runs, state
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, events, submitted


def test_not_before_its_time(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, run_at=NOW + SECOND, priority=3)
    store.now = NOW + SECOND - 1
    assert store.run(promote) == 0
    assert claimed(store, WORKER) == []
    store.now += 1
    assert store.run(promote) == 1
    row = active(store, job_id)
    assert (row["state"], row["reason"], row["rank"]) == ("pending", None, rank(NOW + SECOND, 3))
    assert store.last is not None
    assert store.last.ready == {("default", "echo"): 1}


def test_a_promoted_job_queues_by_the_time_it_was_due(store: OpenedStore) -> None:
    (due,) = submitted(store, 1, run_at=NOW + SECOND)
    store.now = NOW + 2 * SECOND
    (younger,) = submitted(store, 1)
    store.now = NOW + 9 * SECOND
    store.run(promote)
    assert [row[0] for row in claimed(store, WORKER)] == [due, younger]


def test_the_longest_due_come_first_and_each_tick_is_bounded(store: OpenedStore) -> None:
    late = submitted(store, 3, run_at=NOW + 3)
    soon = submitted(store, 2, run_at=NOW + 2)
    store.now += SECOND
    assert store.run(promote, 3) == 3
    assert [state(store, job_id) for job_id in soon + late] == ["pending"] * 3 + ["scheduled"] * 2
    assert [store.run(promote, 3), store.run(promote, 3)] == [2, 0]


def test_paused_jobs_are_not_promoted(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, run_at=NOW + 1)
    store.run(control.pause, job_id, Action())
    store.now += SECOND
    assert store.run(promote) == 0


def test_a_backoff_ends(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1)
    claimed(store, WORKER)
    ended(store, report(job_id, outcome=Outcome.FAILED))
    assert store.run(next_due) == NOW + 2 * SECOND
    store.now += 2 * SECOND
    assert store.run(promote) == 1
    assert [row[1] for row in claimed(store, WORKER)] == [2]


@pytest.mark.parametrize("waiting", ["pending", "scheduled", "paused"])
def test_a_job_that_never_started_expires(store: OpenedStore, waiting: str) -> None:
    run_at = NOW + 60 * SECOND if waiting == "scheduled" else None
    (job_id,) = submitted(store, 1, expires_at=NOW + SECOND, run_at=run_at)
    if waiting == "paused":
        store.run(control.pause, job_id, Action())
    store.now = NOW + SECOND - 1
    assert store.run(expire) == 0
    store.now += 1
    assert store.run(expire) == 1
    (run,) = runs(store, job_id)
    assert (run["fence"], run["attempt"], run["worker_id"], run["started_at"]) == (1, 0, None, None)
    assert (run["outcome"], run["final_state"], run["finished_at"]) == (
        "cancelled", "expired", store.now,
    )  # fmt: skip
    assert state(store, job_id) == "expired"
    assert events(store, job_id)[-1] == ("expire", None, None)
    assert store.last is not None
    assert store.last.finished == [job_id]
    assert measured(store) == {"submitted": 1, "expired": 1}


def test_a_job_that_started_does_not_expire(store: OpenedStore) -> None:
    running, failed = submitted(store, 2, expires_at=NOW + SECOND)
    claimed(store, WORKER)
    ended(store, report(failed, outcome=Outcome.FAILED))
    store.now += SECOND
    rows = everything(store)
    assert store.run(expire) == 0
    assert everything(store) == rows
    assert (state(store, running), state(store, failed)) == ("running", "scheduled")


def test_a_job_given_back_unstarted_expires_under_a_fresh_fence(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, expires_at=NOW + SECOND)
    claimed(store, WORKER)
    store.run(release, [Released(WORKER, {(job_id, 1): False})])
    store.now += SECOND
    assert store.run(expire) == 1
    assert [run["fence"] for run in runs(store, job_id)] == [2]


def test_expiry_takes_the_checkpoint_along(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, expires_at=NOW + 9 * SECOND)
    claimed(store, WORKER)
    ended(store, report(job_id, outcome=Outcome.SNOOZED, snooze_seconds=60.0, checkpoint="[1]"))
    store.now += 9 * SECOND
    assert store.run(expire) == 1
    assert store.rows(sa.select(t.checkpoints)) == []


def test_each_expiry_tick_is_bounded(store: OpenedStore) -> None:
    submitted(store, 5, expires_at=NOW + 1)
    store.now += SECOND
    assert [store.run(expire, 3) for _ in range(3)] == [3, 2, 0]


def test_next_due_is_the_first_of_both_kinds(store: OpenedStore) -> None:
    assert store.run(next_due) is None
    submitted(store, 2, run_at=NOW + 9)
    assert store.run(next_due) == NOW + 9
    (soon,) = submitted(store, 1, expires_at=NOW + 5)
    assert store.run(next_due) == NOW + 5
    claimed(store, WORKER)
    assert (state(store, soon), store.run(next_due)) == ("running", NOW + 9)


def test_two_coordinators_share_the_work(postgres_store: PostgresStore) -> None:
    store = postgres_store
    submitted(store, 5, run_at=NOW + 1)
    submitted(store, 5, expires_at=NOW + 1)
    store.now += SECOND
    assert store.beside(lambda unit: promote(unit, 3), promote) == (3, 2)
    assert store.beside(lambda unit: expire(unit, 3), expire) == (3, 2)


def test_only_what_is_due_is_read(store: OpenedStore) -> None:
    submitted(store, 2, run_at=NOW + 1)
    submitted(store, 2, expires_at=NOW + 1)
    store.now += SECOND
    for verb in (next_due, promote, expire):
        no_whole_table(store, verb)
