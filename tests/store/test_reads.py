"""Reading jobs and runs on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.domain.clock import SECOND
from tenure.domain.errors import JobNotFound, RunNotFound
from tenure.domain.ids import IdSource
from tenure.domain.run import Outcome
from tenure.store import control, reads
from tenure.store.control import Action
from tests.builders import NOW, WORKER, report
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, submitted

ERROR = '{"type":"ValueError","message":"no"}'


def one(store: OpenedStore, **changes: Any) -> str:
    return submitted(store, 1, **changes)[0]


def facts(row: reads.JobRow, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names)


def test_a_new_job(store: OpenedStore) -> None:
    job_id = one(store, name="n", priority=3, tags=("a", "b"), queue="mail")
    row = store.run(reads.job, job_id)
    assert facts(row, "id", "type", "queue", "name", "priority", "payload", "tags") == (
        job_id, "echo", "mail", "n", 3, "0", '["a","b"]',
    )  # fmt: skip
    assert facts(row, "state", "reason", "attempt", "max_attempts", "run_at", "created_at") == (
        "pending", None, 0, 4, NOW, NOW,
    )  # fmt: skip
    assert facts(row, "worker_id", "started_at", "finished_at", "error", "result") == (None,) * 5
    assert not row.cancel_requested


def test_a_running_job(store: OpenedStore) -> None:
    job_id = one(store)
    store.now += SECOND
    claimed(store, WORKER)
    row = store.run(reads.job, job_id)
    assert facts(row, "state", "attempt", "worker_id", "started_at", "finished_at") == (
        "running", 1, WORKER, NOW + SECOND, None,
    )  # fmt: skip


def test_a_completed_job_carries_its_result(store: OpenedStore) -> None:
    job_id = one(store)
    claimed(store, WORKER)
    store.now += SECOND
    ended(store, report(job_id, result='{"x":1.10}'))
    row = store.run(reads.job, job_id)
    assert facts(row, "state", "result", "error", "worker_id", "started_at", "finished_at") == (
        "completed", '{"x":1.10}', None, WORKER, NOW, NOW + SECOND,
    )  # fmt: skip
    assert facts(row, "run_at", "max_attempts") == (None, None)


def test_a_job_that_waits_to_be_retried_shows_why_it_failed(store: OpenedStore) -> None:
    job_id = one(store)
    claimed(store, WORKER)
    ended(store, report(job_id, outcome=Outcome.FAILED, error=ERROR))
    row = store.run(reads.job, job_id)
    assert facts(row, "state", "reason", "attempt", "error", "started_at") == (
        "scheduled", "backoff", 1, ERROR, None,
    )  # fmt: skip


def test_a_failed_job_keeps_its_error_and_loses_it_while_it_runs_again(store: OpenedStore) -> None:
    job_id = one(store, max_attempts=1)
    claimed(store, WORKER)
    ended(store, report(job_id, outcome=Outcome.FAILED, error=ERROR))
    row = store.run(reads.job, job_id)
    assert facts(row, "state", "reason", "error") == ("failed", "error", ERROR)
    store.run(control.retry, job_id, Action())
    assert store.run(reads.job, job_id).error == ERROR
    claimed(store, WORKER)
    assert store.run(reads.job, job_id).error is None


def test_many_jobs_come_in_the_order_asked_for(store: OpenedStore) -> None:
    first, second, third = submitted(store, 3)
    store.run(control.delete, second, Action())
    rows = store.run(reads.jobs, [third, WORKER, second, first])
    assert [row.id for row in rows] == [third, first]
    assert store.run(reads.jobs, []) == []


def test_an_id_may_be_shortened_while_it_is_unambiguous(store: OpenedStore) -> None:
    job_id = one(store)
    for length in (8, 9, 12, 13, 24, 35, 36):
        assert store.run(reads.resolve, job_id[:length]) == job_id
    for text in (job_id[:7], job_id[:8] + "x", job_id.upper()[:12] + "Z", "", job_id + "0", "\x00"):
        with pytest.raises(JobNotFound):
            store.run(reads.resolve, text)
    other = IdSource().one(NOW + 120 * SECOND)
    with pytest.raises(JobNotFound, match="no job that begins"):
        store.run(reads.resolve, other[:12])


def test_an_ambiguous_beginning_is_said_to_be_one(store: OpenedStore) -> None:
    first, second = submitted(store, 2)
    with pytest.raises(JobNotFound, match="several jobs"):
        store.run(reads.resolve, first[:13])
    store.run(control.delete, second, Action())
    assert store.run(reads.resolve, first[:13]) == first


def test_runs_stand_in_order_with_the_running_one_last(store: OpenedStore) -> None:
    job_id = one(store)
    claimed(store, WORKER)
    failed: dict[str, Any] = {"outcome": Outcome.FAILED, "error": ERROR, "result": None}
    ended(store, report(job_id, **failed, retry_after_seconds=0.0))
    store.now += SECOND
    claimed(store, WORKER)
    first, second = store.run(reads.runs, job_id, 10)
    assert first == (1, 1, WORKER, NOW, NOW, "failed", ERROR, None)
    assert second == (2, 2, WORKER, NOW + SECOND, None, None, None, None)
    assert store.run(reads.runs, job_id, 1) == [second]
    assert [store.run(reads.run, job_id, fence) for fence in (1, 2)] == [first, second]
    with pytest.raises(RunNotFound):
        store.run(reads.run, job_id, 3)


def test_a_job_cancelled_while_it_waited_has_no_run(store: OpenedStore) -> None:
    job_id = one(store)
    store.run(control.cancel, job_id, Action())
    assert store.run(reads.runs, job_id, 10) == []
    with pytest.raises(RunNotFound):
        store.run(reads.run, job_id, 1)


def test_known_tells_a_job_from_none(store: OpenedStore) -> None:
    job_id = one(store)
    assert store.run(reads.known, job_id) == job_id
    store.run(control.delete, job_id, Action())
    with pytest.raises(JobNotFound):
        store.run(reads.known, job_id)


def test_reads_use_indexes_only(store: OpenedStore) -> None:
    ids = submitted(store, 50)
    claimed(store, WORKER, 20)
    no_whole_table(store, lambda unit: reads.jobs(unit, ids[:5]))
    no_whole_table(store, lambda unit: reads.runs(unit, ids[0], 5))
    no_whole_table(store, lambda unit: reads.known(unit, ids[0]))
    no_whole_table(store, lambda unit: reads.resolve(unit, ids[0][:35]))
    no_whole_table(store, lambda unit: control.locked(unit, ids[0]))
