"""Reclaiming leases on both databases, and what a clock step leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.job import OnLost
from tenure.domain.lease import LeaseTerms
from tenure.domain.run import Outcome, ReportStatus
from tenure.store import control, sweeps
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.renewals import Beat, renew
from tenure.store.reports import report as settle
from tenure.store.unit import Unit
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.facts import active, everything, measured, runs, state
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, events, submitted

TERMS = LeaseTerms(30.0)
MAX_LOST = 3


def sweep(store: OpenedStore, limit: int = 500) -> int:
    return store.run(sweeps.sweep, MAX_LOST, lambda: 0.5, limit)


def leased(store: OpenedStore, count: int = 1, **changes: Any) -> list[str]:
    jobs = submitted(store, count, **changes)
    assert [row[0] for row in claimed(store, WORKER)] == jobs
    return jobs


def test_nothing_is_reclaimed_before_its_time(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    store.now += TERMS.lease - 1
    rows = everything(store)
    assert sweep(store) == 0
    assert everything(store) == rows
    store.now += 1
    assert sweep(store) == 1
    assert state(store, job_id) == "pending"


def test_a_lost_job_keeps_its_rank_and_spends_its_attempt(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    before = active(store, job_id)
    store.now += TERMS.lease
    sweep(store)
    row = active(store, job_id)
    assert (row["rank"], row["run_at"]) == (before["rank"], before["run_at"])
    assert (row["attempt"], row["lost"], row["fence"], row["worker_id"]) == (1, 1, 1, None)
    (run,) = runs(store, job_id)
    assert (run["outcome"], run["lost"], run["final_state"]) == ("lost", 1, None)
    assert events(store, job_id) == [("expire_lease", None, "lost")]
    assert store.last is not None
    assert store.last.ready == {("default", "echo"): 1}
    assert measured(store) == {"submitted": 1, "lost": 1}


def test_lost_three_times_is_poison(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, max_attempts=10)
    for _ in range(MAX_LOST):
        claimed(store, WORKER)
        store.now += TERMS.lease
        assert sweep(store) == 1
    assert (state(store, job_id), runs(store, job_id)[-1]["reason"]) == ("failed", "poison")
    assert [event[2] for event in events(store, job_id)] == ["lost", "lost", "poison"]
    assert store.last is not None
    assert store.last.finished == [job_id]
    assert measured(store) == {"submitted": 1, "lost": 3, "failed": 1}


def test_failures_do_not_count_as_lost(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, max_attempts=10)
    for fence in range(1, 6):
        claimed(store, WORKER)
        ended(store, report(job_id, fence, outcome=Outcome.FAILED, retry_after_seconds=0.0))
    claimed(store, WORKER)
    store.now += TERMS.lease
    sweep(store)
    assert (active(store, job_id)["lost"], active(store, job_id)["attempt"]) == (1, 6)


def test_without_attempts_left_it_failed_as_lost(store: OpenedStore) -> None:
    (job_id,) = leased(store, max_attempts=1)
    store.now += TERMS.lease
    sweep(store)
    assert (state(store, job_id), runs(store, job_id)[0]["reason"]) == ("failed", "lost")


def test_with_on_lost_fail_it_is_not_repeated(store: OpenedStore) -> None:
    (job_id,) = leased(store, on_lost=OnLost.FAIL)
    store.now += TERMS.lease
    sweep(store)
    assert (state(store, job_id), runs(store, job_id)[0]["reason"]) == ("failed", "lost")


def test_past_its_timeout_it_timed_out(store: OpenedStore) -> None:
    (job_id,) = leased(store, timeout_seconds=5.0)
    store.now += 15 * SECOND
    assert sweep(store) == 1
    row = active(store, job_id)
    assert (row["state"], row["reason"], row["lost"], row["run_at"]) == (
        "scheduled", "backoff", 0, store.now + 2 * SECOND,
    )  # fmt: skip
    assert runs(store, job_id)[0]["outcome"] == "timeout"
    assert events(store, job_id) == [("expire_lease", None, "timeout")]


def test_a_cancel_request_ends_it(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    store.run(control.cancel, job_id, Action())
    store.now += TERMS.lease
    sweep(store)
    assert state(store, job_id) == "cancelled"


def test_a_renewed_lease_stays(store: OpenedStore) -> None:
    kept, lost = leased(store, 2)
    store.now += TERMS.heartbeat
    store.run(renew, [Beat(WORKER, {(kept, 1): (None, None), (lost, 1): (None, None)})], TERMS)
    store.execute(
        sa.update(t.active_jobs).where(t.active_jobs.c.job_id == lost).values(lease_expires_at=NOW)
    )
    assert sweep(store) == 1
    assert (state(store, kept), state(store, lost)) == ("running", "pending")


def test_leases_of_many_workers_and_of_none_that_is_known(store: OpenedStore) -> None:
    jobs = []
    for number in range(5):
        jobs += submitted(store, 2)
        claimed(store, f"0193474a-0000-7000-8000-00000000010{number}")
    store.execute(sa.delete(t.workers))
    store.now += TERMS.lease
    assert sweep(store) == 10
    assert {state(store, job_id) for job_id in jobs} == {"pending"}


def test_a_sweep_is_bounded(store: OpenedStore) -> None:
    leased(store, 7)
    store.now += TERMS.lease
    assert [sweep(store, 3) for _ in range(4)] == [3, 3, 1, 0]


@pytest.mark.parametrize("sweep_first", [True, False])
def test_sweep_and_report_commute(store: OpenedStore, sweep_first: bool) -> None:
    (job_id,) = leased(store)
    store.now += TERMS.lease
    if sweep_first:
        sweep(store)
        statuses = store.run(settle, [[report(job_id)]], lambda: 0.5)
        assert statuses == [[ReportStatus.LOST]]
        assert state(store, job_id) == "pending"
    else:
        ended(store, report(job_id))
        assert sweep(store) == 0
        assert state(store, job_id) == "completed"


def test_what_another_transaction_holds_is_left_to_it(postgres_store: PostgresStore) -> None:
    store = postgres_store
    reported, lost = leased(store, 2)
    store.now += TERMS.lease

    def reporting(unit: Unit) -> int:
        return len(settle(unit, [[report(reported)]], lambda: 0.5)[0])

    def sweeping(unit: Unit) -> int:
        return sweeps.sweep(unit, MAX_LOST, lambda: 0.5)

    assert store.beside(reporting, sweeping) == (1, 1)
    assert (state(store, reported), state(store, lost)) == ("completed", "pending")
    claimed(store, OTHER_WORKER)
    store.now += TERMS.lease
    assert store.beside(sweeping, sweeping) == (1, 0)


def clamp(store: OpenedStore, *, ahead: bool = False) -> int:
    return store.run(sweeps.clamp, TERMS, ahead=ahead)


def test_after_a_step_back_no_lease_outlives_a_new_one(store: OpenedStore) -> None:
    plain, timed = leased(store, 1) + leased(store, 1, timeout_seconds=600.0)
    store.now -= 3600 * SECOND
    clamp(store)
    for job_id in (plain, timed):
        assert active(store, job_id)["lease_expires_at"] == store.now + TERMS.lease
    assert active(store, timed)["deadline_at"] == TERMS.deadline_at(store.now, 600.0)
    assert active(store, plain)["deadline_at"] is None


def test_clamping_without_a_step_changes_nothing(store: OpenedStore) -> None:
    leased(store, 1)
    leased(store, 1, timeout_seconds=60.0)
    store.now += SECOND
    rows = everything(store)
    clamp(store)
    assert everything(store) == rows


def test_after_a_step_ahead_timeouts_count_anew(store: OpenedStore) -> None:
    (job_id,) = leased(store, timeout_seconds=60.0)
    store.now += 3600 * SECOND
    clamp(store, ahead=True)
    row = active(store, job_id)
    assert row["deadline_at"] == TERMS.deadline_at(store.now, 60.0)
    assert row["lease_expires_at"] == NOW + TERMS.lease
    store.run(renew, [Beat(WORKER, {(job_id, 1): (None, None)})], TERMS)
    assert active(store, job_id)["lease_expires_at"] == store.now + TERMS.lease
    assert sweep(store) == 0


def test_a_sweep_reads_leases_only(store: OpenedStore) -> None:
    leased(store, 2)
    store.now += TERMS.lease
    no_whole_table(store, lambda unit: sweeps.sweep(unit, MAX_LOST, lambda: 0.5))
    no_whole_table(store, lambda unit: sweeps.clamp(unit, TERMS))
