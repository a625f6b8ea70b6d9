"""Heartbeats and releases on both databases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.errors import WorkerUnknown
from tenure.domain.job import OnLost
from tenure.domain.lease import LeaseTerms
from tenure.domain.run import KEPT_RELEASES, MAX_FREE_RELEASES, Outcome
from tenure.store import control, sweeps, workers
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.renewals import Beat, Beaten, Released, release, renew
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.facts import active, everything, measured, runs, state
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, submitted, worker

TERMS = LeaseTerms(30.0)
Told = tuple[str | None, str | None]
QUIET: Told = (None, None)


def beat(store: OpenedStore, *beats: Beat) -> list[Beaten | WorkerUnknown]:
    return store.run(renew, list(beats), TERMS)


def holding(*leases: tuple[str, int], told: Told = QUIET, **changes: Any) -> Beat:
    values: dict[str, Any] = {"worker_id": WORKER} | changes
    return Beat(leases=dict.fromkeys(leases, told), **values)


def leased(store: OpenedStore, count: int = 1, **changes: Any) -> list[str]:
    jobs = submitted(store, count, **changes)
    assert [row[0] for row in claimed(store, WORKER)] == jobs
    return jobs


def expires(store: OpenedStore, job_id: str) -> int:
    return int(active(store, job_id)["lease_expires_at"])


def test_a_heartbeat_renews_every_lease_it_lists(store: OpenedStore) -> None:
    first, second = leased(store, 2)
    store.now += TERMS.heartbeat
    assert beat(store, holding((first, 1), (second, 1))) == [Beaten()]
    assert {expires(store, first), expires(store, second)} == {store.now + TERMS.lease}


@pytest.mark.parametrize(("age", "renewed"), [(5 * SECOND - 1, False), (5 * SECOND, True)])
def test_fresh_leases_are_left_alone(store: OpenedStore, age: int, renewed: bool) -> None:
    (job_id,) = leased(store)
    store.now += age
    beat(store, holding((job_id, 1)))
    assert expires(store, job_id) == (store.now if renewed else NOW) + TERMS.lease


def test_an_old_lease_nobody_took_is_renewed(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    store.now += 10 * TERMS.lease
    assert beat(store, holding((job_id, 1))) == [Beaten()]
    assert expires(store, job_id) == store.now + TERMS.lease


def test_renewal_never_revives_a_reclaimed_lease(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    store.now += TERMS.lease
    store.run(sweeps.sweep, 3, lambda: 0.5)
    rows = everything(store)
    assert beat(store, holding((job_id, 1))) == [Beaten(lost=[(job_id, 1)])]
    claimed(store, OTHER_WORKER)
    store.now += TERMS.heartbeat
    rows = everything(store)
    assert beat(store, holding((job_id, 1), (job_id, 2))) == [Beaten([(job_id, 1), (job_id, 2)])]
    assert everything(store) == rows


def test_no_renewal_goes_beyond_the_timeout(store: OpenedStore) -> None:
    (job_id,) = leased(store, timeout_seconds=25.0)
    assert expires(store, job_id) == NOW + TERMS.lease
    store.now += TERMS.heartbeat
    beat(store, holding((job_id, 1)))
    assert expires(store, job_id) == NOW + 35 * SECOND
    store.now += TERMS.heartbeat
    beat(store, holding((job_id, 1)))
    assert expires(store, job_id) == NOW + 35 * SECOND


def test_progress_and_checkpoint_are_kept(store: OpenedStore) -> None:
    first, second = leased(store, 2)
    store.now += SECOND
    beat(store, Beat(WORKER, {(first, 1): ('{"fraction":0.5}', None), (second, 1): (None, "[1]")}))
    assert expires(store, first) == NOW + TERMS.lease
    beat(store, holding((first, 1), (second, 1)))
    assert active(store, first)["progress"] == '{"fraction":0.5}'
    assert (active(store, first)["ties"], active(store, second)["ties"]) == (
        0, 1,
    )  # fmt: skip
    ended(store, report(first), report(second, outcome=Outcome.FAILED, retry_after_seconds=0.0))
    assert runs(store, first)[0]["progress"] == '{"fraction":0.5}'
    ((row),) = claimed(store, WORKER)
    assert row[10] == "[1]"
    assert active(store, second)["progress"] is None


def test_a_lease_that_was_never_received_goes_back_uncounted(store: OpenedStore) -> None:
    received, missing = leased(store, 2)
    store.now += TERMS.heartbeat
    assert beat(store, holding((received, 1))) == [Beaten()]
    assert state(store, missing) == "running"
    store.now += 1
    assert beat(store, holding((received, 1))) == [Beaten()]
    row = active(store, missing)
    assert (row["state"], row["attempt"], row["lost"], row["releases"], row["fence"]) == (
        "pending", 0, 0, 0, 1,
    )  # fmt: skip
    assert runs(store, missing) == []
    assert store.last is not None
    assert store.last.ready == {("default", "echo"): 1}
    assert [entry[1] for entry in claimed(store, OTHER_WORKER)] == [2]
    assert measured(store) == {"submitted": 2}


def test_it_hears_of_cancels_and_drain_again_and_again(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    store.run(control.cancel, job_id, Action(reason="stop it"))
    store.run(workers.drain, WORKER)
    for _ in range(2):
        assert beat(store, holding((job_id, 1))) == [
            Beaten(cancels=[(job_id, 1, "stop it")], drain=True)
        ]


def test_workers_are_told_apart(store: OpenedStore) -> None:
    (mine,) = leased(store)
    (theirs,) = submitted(store, 1)
    claimed(store, OTHER_WORKER)
    store.now += TERMS.heartbeat
    answers = beat(
        store,
        holding((mine, 1), (theirs, 1)),
        holding((theirs, 1), worker_id=OTHER_WORKER),
        holding(worker_id="0193474a-0000-7000-8000-0000000000ee"),
    )
    assert answers[:2] == [Beaten(lost=[(theirs, 1)]), Beaten()]
    assert isinstance(answers[2], WorkerUnknown)
    assert {expires(store, mine), expires(store, theirs)} == {store.now + TERMS.lease}


def test_it_is_seen(store: OpenedStore) -> None:
    worker(store, WORKER, state="lost", last_seen_at=0)
    worker(store, OTHER_WORKER, state="gone", last_seen_at=0)
    answers = beat(store, holding(draining=True), holding(worker_id=OTHER_WORKER))
    assert answers[0] == Beaten()
    assert isinstance(answers[1], WorkerUnknown)
    found = store.run(workers.get_worker, WORKER)
    assert (found.state, found.last_seen_at) == ("draining", store.now)
    assert store.run(workers.get_worker, OTHER_WORKER).last_seen_at == 0


def give_back(store: OpenedStore, *leases: tuple[str, int], started: bool = True) -> int:
    return store.run(release, [Released(WORKER, dict.fromkeys(leases, started))])[0]


def test_release_gives_job_and_attempt_back_at_its_old_rank(store: OpenedStore) -> None:
    old, _ = leased(store, 2)
    rank = active(store, old)["rank"]
    store.now += SECOND
    assert give_back(store, (old, 1)) == 1
    row = active(store, old)
    assert (row["state"], row["attempt"], row["releases"], row["rank"]) == ("pending", 0, 1, rank)
    (run,) = runs(store, old)
    assert (run["outcome"], run["final_state"]) == ("released", None)
    assert give_back(store, (old, 1)) == 0


def test_a_release_before_the_start_leaves_no_trace(store: OpenedStore) -> None:
    (job_id,) = leased(store)
    assert give_back(store, (job_id, 1), started=False) == 1
    assert (active(store, job_id)["releases"], runs(store, job_id)) == (0, [])


def test_others_leases_are_left_alone(store: OpenedStore) -> None:
    (mine,) = leased(store)
    (theirs,) = submitted(store, 1)
    claimed(store, OTHER_WORKER)
    rows = everything(store)
    requests = [Released(WORKER, {(theirs, 1): True, (mine, 2): True}), Released(OTHER_WORKER, {})]
    assert store.run(release, requests) == [0, 0]
    assert everything(store) == rows


def test_ten_releases_are_free_and_the_next_cost_attempts(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, max_attempts=2)
    attempts = []
    for fence in range(1, MAX_FREE_RELEASES + 3):
        claimed(store, WORKER)
        give_back(store, (job_id, fence))
        attempts.append(active(store, job_id).get("attempt"))
    assert attempts == [0] * MAX_FREE_RELEASES + [1, None]
    assert state(store, job_id) == "failed"
    assert runs(store, job_id)[-1]["reason"] == "lost"


def test_of_released_runs_the_last_twenty_are_kept(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, max_attempts=100)
    for fence in range(1, KEPT_RELEASES + 4):
        claimed(store, WORKER)
        give_back(store, (job_id, fence))
    assert [run["fence"] for run in runs(store, job_id)] == list(range(4, KEPT_RELEASES + 4))


@pytest.mark.parametrize(("started", "expected"), [(True, "failed"), (False, "pending")])
def test_with_on_lost_fail_a_started_run_is_not_repeated(
    store: OpenedStore, started: bool, expected: str
) -> None:
    (job_id,) = leased(store, on_lost=OnLost.FAIL)
    give_back(store, (job_id, 1), started=started)
    assert state(store, job_id) == expected


@pytest.mark.parametrize("started", [True, False])
def test_a_release_after_a_cancel_request_ends_the_job(store: OpenedStore, started: bool) -> None:
    (job_id,) = leased(store)
    store.run(control.cancel, job_id, Action())
    give_back(store, (job_id, 1), started=started)
    assert state(store, job_id) == "cancelled"
    assert store.last is not None
    assert store.last.finished == [job_id]


def test_leaving_rows_do_not_remember_the_lease(store: OpenedStore) -> None:
    (job_id,) = leased(store, timeout_seconds=5.0)
    give_back(store, (job_id, 1))
    row = active(store, job_id)
    cleared = ("worker_id", "lease_expires_at", "deadline_at", "started_at", "progress")
    assert {row[name] for name in cleared} == {None}
    assert store.rows(sa.select(t.active_jobs.c.job_id).where(t.LEASED)) == []
