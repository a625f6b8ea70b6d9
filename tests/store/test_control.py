"""Cancel, pause, resume, retry and delete, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.errors import IllegalTransition, JobNotFound
from tenure.domain.job import rank
from tenure.domain.run import Outcome
from tenure.store import control, reads
from tenure.store import tables as t
from tenure.store.control import Action
from tests.builders import NOW, WORKER, report
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, events, submitted

ACTION = Action("ann", "because")


def one(store: OpenedStore, **changes: Any) -> str:
    return submitted(store, 1, **changes)[0]


def active(store: OpenedStore, job_id: str) -> dict[str, Any]:
    rows = store.rows(sa.select(t.active_jobs).where(t.active_jobs.c.job_id == job_id))
    return dict(rows[0]._mapping) if rows else {}


def test_a_waiting_job_is_cancelled_at_once_under_a_fence_of_its_own(store: OpenedStore) -> None:
    job_id = one(store)
    store.run(control.cancel, job_id, ACTION)
    row = store.run(reads.job, job_id)
    assert (row.state, row.attempt, row.started_at, row.finished_at) == ("cancelled", 0, None, NOW)
    assert active(store, job_id) == {}
    run = store.rows(sa.select(t.runs).where(t.runs.c.job_id == job_id))[0]
    assert (run.fence, run.outcome, run.final_state) == (1, "cancelled", "cancelled")
    assert events(store, job_id) == [("cancel", "ann", "because")]
    assert measured(store, "cancelled") == 1


def measured(store: OpenedStore, measure: str) -> int:
    total = sa.select(sa.func.sum(t.stats.c.count)).where(t.stats.c.measure == measure)
    return int(store.rows(total)[0][0] or 0)


def test_cancel_says_which_job_finished_and_drops_its_checkpoint(store: OpenedStore) -> None:
    job_id = one(store)
    claimed(store, WORKER)
    ended(store, report(job_id, outcome=Outcome.FAILED, error="{}", checkpoint="[1]"))
    store.run(control.cancel, job_id, ACTION)
    assert store.last is not None and store.last.finished == [job_id]
    assert store.rows(sa.select(t.checkpoints)) == []
    assert store.run(reads.job, job_id).attempt == 1


def test_cancel_twice_changes_nothing_more(store: OpenedStore) -> None:
    job_id = one(store)
    store.run(control.cancel, job_id, ACTION)
    store.run(control.cancel, job_id, Action("bob", "again"))
    assert len(events(store, job_id)) == 1
    assert measured(store, "cancelled") == 1


def test_cancel_of_a_running_job_raises_a_flag_and_wakes_its_worker(store: OpenedStore) -> None:
    job_id = one(store)
    claimed(store, WORKER)
    store.now += SECOND
    store.run(control.cancel, job_id, ACTION)
    assert store.last is not None and store.last.woken == {WORKER}
    row = active(store, job_id)
    assert (row["state"], row["cancel_requested_at"], row["cancel_reason"]) == (
        "running",
        NOW + SECOND,
        "because",
    )
    store.now += SECOND
    store.run(control.cancel, job_id, Action("bob", "again"))
    assert active(store, job_id) == row
    assert len(events(store, job_id)) == 1
    assert store.run(reads.job, job_id).cancel_requested


def test_cancel_of_a_completed_job_is_refused(store: OpenedStore) -> None:
    job_id = one(store)
    claimed(store, WORKER)
    ended(store, report(job_id))
    with pytest.raises(IllegalTransition, match="completed cannot be cancelled"):
        store.run(control.cancel, job_id, ACTION)
    assert store.run(reads.job, job_id).state == "completed"


def test_pause_and_resume_keep_the_rank(store: OpenedStore) -> None:
    job_id = one(store, priority=3)
    place = active(store, job_id)["rank"]
    store.now += 60 * SECOND
    store.run(control.pause, job_id, ACTION)
    store.run(control.pause, job_id, ACTION)
    assert active(store, job_id)["state"] == "paused"
    assert claimed(store, WORKER) == []
    store.now += SECOND
    store.run(control.resume, job_id, ACTION)
    assert store.last is not None and store.last.ready == {("default", "echo"): 1}
    row = active(store, job_id)
    assert (row["state"], row["rank"]) == ("pending", place)
    store.run(control.resume, job_id, ACTION)
    assert [event for event, _, _ in events(store, job_id)] == ["pause", "resume"]


def test_a_resumed_job_waits_for_its_time_again(store: OpenedStore) -> None:
    due = NOW + 60 * SECOND
    job_id = one(store, run_at=due)
    store.run(control.pause, job_id, ACTION)
    store.run(control.resume, job_id, ACTION)
    row = active(store, job_id)
    assert (row["state"], row["reason"], row["run_at"]) == ("scheduled", "run_at", due)
    assert store.last is not None and store.last.due == due


def test_a_running_job_can_be_neither_paused_nor_resumed(store: OpenedStore) -> None:
    job_id = one(store)
    claimed(store, WORKER)
    before = active(store, job_id)
    for verb in (control.pause, control.resume, control.retry, control.delete):
        with pytest.raises(IllegalTransition):
            store.run(verb, job_id, ACTION)
    assert active(store, job_id) == before
    assert events(store, job_id) == []


def failed(store: OpenedStore, **changes: Any) -> str:
    job_id = one(store, max_attempts=1, **changes)
    claimed(store, WORKER)
    ended(store, report(job_id, outcome=Outcome.FAILED, error='{"message":"no"}'))
    assert store.run(reads.job, job_id).state == "failed"
    return job_id


def test_retry_gives_a_finished_job_one_more_attempt(store: OpenedStore) -> None:
    job_id = failed(store, priority=2)
    store.now += SECOND
    store.run(control.retry, job_id, ACTION)
    assert store.last is not None and store.last.ready == {("default", "echo"): 1}
    row = active(store, job_id)
    assert (row["state"], row["attempt"], row["max_attempts"], row["lost"]) == ("pending", 1, 2, 0)
    assert (row["fence"], row["run_at"]) == (1, NOW + SECOND)
    assert row["rank"] == rank(NOW + SECOND, 2)
    assert store.rows(sa.select(t.runs.c.fence, t.runs.c.final_state)) == [(1, None)]
    assert [lease[:3] for lease in claimed(store, WORKER)] == [(job_id, 2, 2)]
    ended(store, report(job_id, 2))
    assert store.run(reads.job, job_id).state == "completed"


def test_retry_of_a_job_cancelled_before_it_ran(store: OpenedStore) -> None:
    job_id = one(store)
    store.run(control.cancel, job_id, ACTION)
    store.run(control.retry, job_id, ACTION)
    row = active(store, job_id)
    assert (row["attempt"], row["max_attempts"], row["fence"]) == (0, 4, 1)
    assert [lease[:3] for lease in claimed(store, WORKER)] == [(job_id, 2, 1)]


def test_retry_clears_an_expiry_that_has_passed(store: OpenedStore) -> None:
    soon, late = (failed(store, expires_at=NOW + after * SECOND) for after in (5, 500))
    store.now += 10 * SECOND
    for job_id, expected in ((soon, None), (late, NOW + 500 * SECOND)):
        store.run(control.retry, job_id, ACTION)
        assert active(store, job_id)["expires_at"] == expected


def test_retry_of_an_unfinished_job_is_refused(store: OpenedStore) -> None:
    job_id = failed(store)
    store.run(control.retry, job_id, ACTION)
    with pytest.raises(IllegalTransition, match="pending cannot be retried"):
        store.run(control.retry, job_id, ACTION)
    assert measured(store, "retried") == 1


def test_delete_cancels_a_waiting_job_and_hides_it(store: OpenedStore) -> None:
    job_id = one(store)
    store.run(control.delete, job_id, ACTION)
    assert active(store, job_id) == {}
    assert store.rows(sa.select(t.runs.c.final_state)) == [("cancelled",)]
    for verb in (control.delete, control.cancel, control.retry, control.pause):
        with pytest.raises(JobNotFound):
            store.run(verb, job_id, ACTION)
    with pytest.raises(JobNotFound):
        store.run(reads.job, job_id)


def test_delete_of_a_finished_job_keeps_its_end(store: OpenedStore) -> None:
    job_id = failed(store)
    store.run(control.delete, job_id, ACTION)
    assert store.rows(sa.select(t.runs.c.final_state)) == [("failed",)]
    assert store.rows(sa.select(t.jobs.c.deleted_at)) == [(NOW,)]


def test_an_unknown_job_is_not_found(store: OpenedStore) -> None:
    for verb in (control.cancel, control.pause, control.resume, control.retry, control.delete):
        with pytest.raises(JobNotFound):
            store.run(verb, WORKER, ACTION)
