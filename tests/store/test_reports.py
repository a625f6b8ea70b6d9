"""Reports on both databases: one accepted result a job, and the first commit wins."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.run import KEPT_RELEASES, MAX_SNOOZES, Outcome, Report, ReportStatus
from tenure.store import control
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.reports import report as settle
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.facts import active, everything, measured, runs, state
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, submitted

ACCEPTED, REPEATED, LOST = ReportStatus.ACCEPTED, ReportStatus.REPEATED, ReportStatus.LOST
FAILED: dict[str, Any] = {"outcome": Outcome.FAILED, "error": '{"type":"E"}'}


def tell(store: OpenedStore, *batches: list[Report]) -> list[list[ReportStatus]]:
    return store.run(settle, list(batches), lambda: 0.5)


def one(store: OpenedStore, *items: Report) -> list[ReportStatus]:
    return tell(store, list(items))[0]


def leased(store: OpenedStore, count: int = 1, **changes: Any) -> list[str]:
    jobs = submitted(store, count, **changes)
    assert [row[0] for row in claimed(store, WORKER)] == jobs
    store.now += SECOND
    return jobs


def test_a_result_ends_the_job(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    assert one(store, report(job_id, result='{"n": 1.10}')) == [ACCEPTED]
    assert store.last is not None
    assert store.last.finished == [job_id]
    (run,) = runs(store, job_id)
    assert run == {
        "job_id": job_id, "fence": 1, "attempt": 1, "worker_id": WORKER, "started_at": NOW,
        "finished_at": NOW + SECOND, "outcome": "completed", "reason": None, "error": None,
        "result": '{"n": 1.10}', "lost": 0, "cancel_requested": 0, "progress": None,
        "final_state": "completed", "fingerprint": None,
    }  # fmt: skip
    assert active(store, job_id) == {}
    assert measured(store) == {"submitted": 1, "completed": 1}


def test_the_same_again_is_no_error_and_changes_nothing(store: OpenedStore) -> None:
    done, failed = leased(store, 2)
    items = [report(done, result="7"), report(failed, **FAILED)]
    assert one(store, *items) == [ACCEPTED, ACCEPTED]
    rows, counts = everything(store), measured(store)
    store.now += SECOND
    assert one(store, *items) == [REPEATED, REPEATED]
    assert (everything(store), measured(store)) == (rows, counts)


@pytest.mark.parametrize(
    "changes",
    [
        {"result": "8"},
        {"result": None},
        {"outcome": Outcome.FAILED},
        {"outcome": Outcome.CANCELLED},
        {"worker_id": OTHER_WORKER},
        {"fence": 2},
        {"fence": 0},
    ],
    ids=str,
)
def test_anything_else_under_an_ended_fence_is_lost(
    store: OpenedStore, changes: dict[str, Any]
) -> None:
    (job_id,) = leased(store)
    one(store, report(job_id, result="7"))
    rows = everything(store)
    assert one(store, report(job_id, **({"result": "7"} | changes))) == [LOST]
    assert everything(store) == rows


@pytest.mark.parametrize("outcome", list(Outcome)[:5])
@pytest.mark.parametrize("changes", [{"worker_id": OTHER_WORKER}, {"fence": 2}, {"fence": 0}])
def test_a_foreign_or_stale_report_touches_no_running_job(
    store: OpenedStore, outcome: Outcome, changes: dict[str, Any]
) -> None:
    (job_id,) = leased(store)
    rows = everything(store)
    assert one(store, report(job_id, outcome=outcome, **changes)) == [LOST]
    assert everything(store) == rows


def test_unknown_jobs_are_lost(store: OpenedStore) -> None:
    unknown = "0193474a-0000-7000-8000-0000000000ff"
    assert one(store, report(unknown), report(unknown, **FAILED)) == [LOST, LOST]


def test_a_late_result_counts_while_nobody_took_the_lease(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    store.now += 3600 * SECOND
    assert one(store, report(job_id)) == [ACCEPTED]


def test_mixed_batch_in_the_order_asked(store: OpenedStore) -> None:
    first, second, third, fourth = leased(store, 4)
    one(store, report(third))
    statuses = tell(
        store,
        [report(second, **FAILED), report(first), report(third)],
        [],
        [report(third, result="other"), report(fourth, fence=3), report(second, **FAILED)],
    )
    assert statuses == [[ACCEPTED, ACCEPTED, REPEATED], [], [LOST, LOST, REPEATED]]


def test_twice_in_one_batch_the_first_stands(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    items = [report(job_id, result="1"), report(job_id, result="2"), report(job_id, result="1")]
    assert one(store, *items) == [ACCEPTED, LOST, REPEATED]
    assert runs(store, job_id)[0]["result"] == "1"
    assert measured(store)["completed"] == 1


@pytest.mark.parametrize("order", [*permutations(range(4))], ids=str)
def test_stale_and_foreign_reports_beside_the_right_one_take_nothing_from_it(
    store: OpenedStore, order: tuple[int, ...]
) -> None:
    (job_id,) = leased(store)
    ended(store, report(job_id, retry_after_seconds=0.0, **FAILED))
    claimed(store, WORKER)
    items = [
        report(job_id, 2, result='"right"'),
        report(job_id, 1, result='"stale"'),
        report(job_id, 2, result='"foreign"', worker_id=OTHER_WORKER),
        report(job_id, 1, **FAILED),
    ]
    expected = [ACCEPTED, LOST, LOST, REPEATED]
    assert one(store, *(items[n] for n in order)) == [expected[n] for n in order]
    assert runs(store, job_id)[-1]["result"] == '"right"'
    assert state(store, job_id) == "completed"


def test_a_foreign_failure_beside_the_right_one_takes_nothing_from_it(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    statuses = tell(
        store, [report(job_id, worker_id=OTHER_WORKER, **FAILED)], [report(job_id, **FAILED)]
    )
    assert statuses == [[LOST], [ACCEPTED]]
    assert runs(store, job_id)[0]["worker_id"] == WORKER


def test_a_failure_waits_for_its_backoff(store: OpenedStore) -> None:
    (job_id,) = leased(store, max_attempts=2)
    assert one(store, report(job_id, **FAILED)) == [ACCEPTED]
    assert store.last is not None
    assert store.last.due == store.now + 2 * SECOND
    row = active(store, job_id)
    assert (row["state"], row["reason"], row["run_at"], row["attempt"], row["worker_id"]) == (
        "scheduled", "backoff", store.now + 2 * SECOND, 1, None,
    )  # fmt: skip
    (run,) = runs(store, job_id)
    assert (run["outcome"], run["error"], run["final_state"]) == ("failed", FAILED["error"], None)
    assert measured(store) == {"submitted": 1, "retried": 1}


def test_the_last_failure_is_the_end(store: OpenedStore) -> None:
    (job_id,) = leased(store, max_attempts=1)
    one(store, report(job_id, **FAILED))
    (run,) = runs(store, job_id)
    assert (run["final_state"], run["reason"]) == ("failed", "error")
    assert measured(store) == {"submitted": 1, "failed": 1}


@pytest.mark.parametrize(
    ("changes", "ended_as", "reason"),
    [
        ({"outcome": Outcome.CANCELLED}, "cancelled", None),
        ({"outcome": Outcome.TIMEOUT, "retryable": False}, "failed", "non_retryable"),
        ({"outcome": Outcome.FAILED, "retryable": False}, "failed", "non_retryable"),
    ],
)
def test_outcomes_that_end_a_job(
    store: OpenedStore, changes: dict[str, Any], ended_as: str, reason: str | None
) -> None:
    (job_id,) = leased(store)
    one(store, report(job_id, **changes))
    (run,) = runs(store, job_id)
    assert (run["final_state"], run["reason"]) == (ended_as, reason)


def test_a_failure_after_a_cancel_request_is_cancelled(store: OpenedStore) -> None:
    failed, done = leased(store, 2)
    for job_id in (failed, done):
        store.run(control.cancel, job_id, Action())
    assert one(store, report(failed, **FAILED), report(done)) == [ACCEPTED, ACCEPTED]
    assert (state(store, failed), state(store, done)) == ("cancelled", "completed")
    assert runs(store, done)[0]["cancel_requested"] == 1


def test_a_snooze_gives_the_attempt_back(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    one(store, report(job_id, outcome=Outcome.SNOOZED, snooze_seconds=9.0, checkpoint="[1]"))
    row = active(store, job_id)
    assert (row["state"], row["reason"], row["run_at"]) == (
        "scheduled", "snoozed", store.now + 9 * SECOND,
    )  # fmt: skip
    assert (row["attempt"], row["snoozes"], row["fence"], row["ties"]) == (0, 1, 1, 1)
    assert store.rows(sa.select(t.checkpoints.c.data)) == [("[1]",)]


def test_a_snooze_too_many_is_a_failure(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    store.execute(sa.update(t.active_jobs).values(snoozes=MAX_SNOOZES))
    item = report(job_id, outcome=Outcome.SNOOZED)
    assert one(store, item) == [ACCEPTED]
    assert runs(store, job_id)[0]["outcome"] == "failed"
    assert state(store, job_id) == "failed"


def test_of_snoozed_runs_the_last_twenty_are_kept(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1)
    for fence in range(1, KEPT_RELEASES + 6):
        claimed(store, WORKER)
        outcome = Outcome.FAILED if fence == 2 else Outcome.SNOOZED
        ended(store, report(job_id, fence, outcome=outcome, retry_after_seconds=0.0))
        store.execute(sa.update(t.active_jobs).values(state="pending"))
    kept = [run["fence"] for run in runs(store, job_id)]
    assert kept == [2, *range(6, KEPT_RELEASES + 6)]


def test_a_checkpoint_lives_until_the_end(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    ended(store, report(job_id, checkpoint="[1]", retry_after_seconds=0.0, **FAILED))
    assert claimed(store, WORKER)[0][10] == "[1]"
    ended(store, report(job_id, 2, checkpoint="[2]", retry_after_seconds=0.0, **FAILED))
    assert claimed(store, WORKER)[0][10] == "[2]"
    ended(store, report(job_id, 3))
    assert store.rows(sa.select(t.checkpoints)) == []


def test_the_last_progress_goes_into_the_history(store: OpenedStore) -> None:
    plain, said, again = leased(store, 3)
    store.execute(sa.update(t.active_jobs).values(progress='{"fraction":0.5}'))
    last = '{"fraction":1.0}'
    stale = report(again, fence=2, progress='{"fraction":0.9}')
    later = report(again, progress=last, retry_after_seconds=0.0, **FAILED)
    assert one(store, report(plain), report(said, progress=last), stale, later)[3] is ACCEPTED
    found = [runs(store, job_id)[0]["progress"] for job_id in (plain, said, again)]
    assert found == ['{"fraction":0.5}', last, last]
    assert active(store, again)["progress"] is None, "the next attempt begins anew"
