"""Every reason that a job is where it is, on both databases."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain import explain as rules
from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.errors import JobNotFound
from tenure.domain.explain import Cause, Why
from tenure.domain.queue import Rate
from tenure.domain.scheduling import Overlap
from tenure.store import control, explaining, queues, workflows
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.explaining import situation
from tenure.store.fires import fire
from tenure.store.promotions import expire
from tenure.store.queues import QueueEdit
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.graphs import WORKFLOW, child, flow
from tests.store.opened import OpenedStore
from tests.store.plans import plans
from tests.store.scenes import claimed, ended, scheduled, submitted, worker

ANN = Action("ann", "because")


def reasons(store: OpenedStore, job_id: str) -> list[Why]:
    return rules.explain(store.run(situation, job_id), store.now)


def causes(store: OpenedStore, job_id: str) -> list[Cause]:
    return [why.cause for why in reasons(store, job_id)]


def test_not_due(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1, run_at=NOW + MINUTE)
    [why] = reasons(store, job_id)
    assert (why.cause, why.at) == (Cause.NOT_DUE, NOW + MINUTE)
    assert "as it was submitted" in why.detail


def test_not_due_after_a_failure(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1)
    claimed(store, WORKER)
    ended(store, report(job_id, outcome="failed", retry_after_seconds=60.0))
    [why] = reasons(store, job_id)
    assert (why.cause, why.at) == (Cause.NOT_DUE, NOW + MINUTE)
    assert "backoff" in why.detail


def test_waits_for_jobs(store: OpenedStore) -> None:
    parents = submitted(store, 12)
    job_id = child(store, parents)
    [why] = reasons(store, job_id)
    assert (why.cause, why.number, why.job_ids) == (
        Cause.WAITS_FOR_JOBS, 12, tuple(sorted(parents)[:10]),
    )  # fmt: skip
    claimed(store, WORKER, 11)
    ended(store, *(report(parent) for parent in parents[:11]))
    assert reasons(store, job_id)[0].job_ids == (parents[11],)


def test_key_full(store: OpenedStore) -> None:
    first, second, third = submitted(store, 3, concurrency_key="disk")
    [why] = reasons(store, third)
    assert (why.cause, why.number, why.limit) == (Cause.KEY_FULL, 1, 1)
    assert why.detail == "concurrency key disk: 1 of 1 in use, 1 job of that key ahead of it"
    assert reasons(store, second)[0].detail == "concurrency key disk: 1 of 1 in use"
    worker(store, WORKER)
    assert causes(store, first) == [Cause.NEXT]
    claimed(store, WORKER)
    ended(store, report(first))
    assert causes(store, second) == [Cause.NEXT]
    assert reasons(store, third)[0].detail == "concurrency key disk: 1 of 1 in use"


def test_paused(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1, run_at=NOW + MINUTE)
    store.run(control.pause, job_id, ANN)
    paused, later = reasons(store, job_id)
    assert (paused.cause, paused.actor, paused.comment, paused.at) == (
        Cause.PAUSED, "ann", "because", NOW,
    )  # fmt: skip
    assert later.cause is Cause.NOT_DUE


def test_no_worker(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1, "rare")
    assert [why.detail for why in reasons(store, job_id)] == ["no worker is online"]
    worker(store, OTHER_WORKER, queues='["mail"]', types='[{"name":"rare"}]')
    assert "serves queue default" in reasons(store, job_id)[0].detail
    worker(store, WORKER)
    assert reasons(store, job_id)[0].detail == "no worker online offers rare on queue default"
    [common] = submitted(store, 1)
    assert causes(store, common) == [Cause.NEXT]


@pytest.mark.parametrize(
    "changes", [{"drain_requested": 1}, {"state": "draining"}, {"state": "lost"}]
)
def test_workers_that_take_no_more(store: OpenedStore, changes: dict[str, Any]) -> None:
    [job_id] = submitted(store, 1)
    worker(store, WORKER, **changes)
    [why] = reasons(store, job_id)
    assert why.cause is Cause.NO_WORKER
    lost = changes == {"state": "lost"}
    assert ("drains" in why.detail, "no worker is online" in why.detail) == (not lost, lost)


def test_no_free_slot_and_jobs_ahead(store: OpenedStore) -> None:
    submitted(store, 2)
    worker(store, WORKER, slots=2)
    claimed(store, WORKER, 2)
    submitted(store, 3, "other", priority=1)
    submitted(store, 1, "rare", priority=1)  # nobody takes it: it stands in nobody's way
    [job_id] = submitted(store, 1)
    full, ahead = reasons(store, job_id)
    assert (full.cause, full.number, full.limit) == (Cause.NO_FREE_SLOT, 2, 2)
    assert (ahead.cause, ahead.number) == (Cause.JOBS_AHEAD, 3)


def test_jobs_ahead_are_those_a_claim_takes_before(store: OpenedStore) -> None:
    submitted(store, 2, expires_at=NOW + SECOND)
    before = submitted(store, 3)
    [job_id] = submitted(store, 1)
    submitted(store, 4)
    store.now += 2 * SECOND
    worker(store, WORKER)
    assert reasons(store, job_id)[0].number == len(before)
    assert [row[0] for row in claimed(store, WORKER, 4)] == [*before, job_id]


def test_more_jobs_ahead_than_are_counted(
    store: OpenedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(store, 10_002)
    [job_id] = submitted(store, 1)
    assert "more than 10,000 jobs are ahead of it" in [w.detail for w in reasons(store, job_id)]


def test_the_estimate_follows_recent_starts(store: OpenedStore) -> None:
    submitted(store, 30)
    worker(store, WORKER, slots=20)
    claimed(store, WORKER, 20)
    *_, job_id = submitted(store, 10)
    store.now += 5 * SECOND
    found = store.run(situation, job_id)
    began = NOW - NOW % MINUTE
    assert found.starts_per_second == pytest.approx(20 / ((store.now - began) / SECOND))
    assert rules.estimated_start(found, store.now) == pytest.approx(
        store.now + 20 / found.starts_per_second * SECOND, abs=2
    )
    store.now += explaining.WINDOW + MINUTE
    assert rules.estimated_start(store.run(situation, job_id), store.now) is None


def test_expires(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1, expires_at=NOW + MINUTE)
    worker(store, WORKER)
    assert causes(store, job_id) == [Cause.NEXT, Cause.EXPIRES]


def test_running_overdue_and_to_be_cancelled(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1, timeout_seconds=5.0)
    claimed(store, WORKER)
    [why] = reasons(store, job_id)
    assert (why.cause, why.worker_id, why.number) == (Cause.RUNNING, WORKER, 1)
    assert "runs on worker w since" in why.detail
    until = why.at
    assert until is not None
    store.run(control.cancel, job_id, ANN)
    store.now = until + 1
    _, overdue, cancel = reasons(store, job_id)
    assert (overdue.cause, overdue.at) == (Cause.LEASE_OVERDUE, until)
    assert "timeout has passed" in overdue.detail
    assert (cancel.cause, cancel.actor, cancel.comment) == (
        Cause.CANCEL_REQUESTED, "ann", "because",
    )  # fmt: skip


def test_ended_well_and_badly(store: OpenedStore) -> None:
    good, bad = submitted(store, 2)
    claimed(store, WORKER)
    error = '{"type":"ValueError","message":"no"}'
    ended(store, report(good), report(bad, outcome="failed", error=error, retryable=False))
    [why] = reasons(store, good)
    assert (why.cause, why.at) == (Cause.ENDED, NOW)
    [why] = reasons(store, bad)
    assert why.detail.endswith("must not be run again (ValueError: no)")


def test_cancelled_expired_and_gone(store: OpenedStore) -> None:
    stopped, late, hidden = (
        *submitted(store, 1),
        *submitted(store, 1, expires_at=NOW + SECOND),
        *submitted(store, 1),
    )
    store.run(control.cancel, stopped, ANN)
    [why] = reasons(store, stopped)
    assert (why.actor, why.comment) == ("ann", "because")
    store.now += 2 * SECOND
    store.run(expire)
    assert "before it started" in reasons(store, late)[0].detail
    store.run(control.delete, hidden, ANN)
    with pytest.raises(JobNotFound):
        reasons(store, hidden)


def test_skipped(store: OpenedStore) -> None:
    good, bad = submitted(store, 2)
    skipped = child(store, [good, bad])
    claimed(store, WORKER)
    ended(store, report(good), report(bad, outcome="failed", retryable=False))
    [why] = reasons(store, skipped)
    assert (why.cause, why.job_ids) == (Cause.ENDED, (bad,))
    assert why.detail.startswith("skipped at")


def test_of_a_schedule_and_cancelled_by_its_next_fire(store: OpenedStore) -> None:
    schedule_id = scheduled(store, overlap=Overlap.CANCEL_RUNNING)
    store.now = NOW + MINUTE
    store.run(fire)
    [(job_id,)] = store.rows(sa.select(t.jobs.c.id))
    assert causes(store, job_id) == [Cause.NO_WORKER, Cause.OF_SCHEDULE]
    assert reasons(store, job_id)[1].schedule_id == schedule_id
    store.now = NOW + 2 * MINUTE
    store.run(fire)
    ended_, _ = reasons(store, job_id)
    assert (ended_.actor, ended_.comment) == (f"schedule:{schedule_id}", "its next fire came")


def test_of_a_workflow_that_was_cancelled(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "a"})
    assert [why.job_ids for why in reasons(store, ids["b"])] == [(ids["a"],)]
    store.run(workflows.cancel, WORKFLOW, ANN)
    for job_id in ids.values():
        [why] = reasons(store, job_id)
        assert (why.cause, why.actor, why.comment) == (Cause.ENDED, "ann", "because")


def test_it_reads_by_index_only(store: OpenedStore) -> None:
    worker(store, WORKER)
    parent, job_id = submitted(store, 2)
    for one in (job_id, child(store, [parent])):
        found = plans(store, partial(situation, job_id=one))
        assert found
        for plan in found:
            scans = re.findall(r"SCAN (\w+)|Seq Scan on (\w+)", plan)
            # The workers are few, and read whole.
            assert {name for pair in scans for name in pair if name in t.metadata.tables} <= {
                "workers"
            }, plan


def test_a_queue_that_holds_its_jobs(store: OpenedStore) -> None:
    worker(store, WORKER)
    jobs = submitted(store, 3)
    rules = {"max_running": 2, "rate": Rate(2, MINUTE)}
    store.run(queues.edit, "default", QueueEdit(rules), ANN)
    assert causes(store, jobs[0]) == [Cause.NEXT]
    claimed(store, WORKER)
    full, rate = reasons(store, jobs[2])
    assert (full.cause, full.number, full.limit) == (Cause.QUEUE_FULL, 2, 2)
    assert (rate.cause, rate.at) == (Cause.QUEUE_RATE, store.now + MINUTE // 2)
    ended(store, report(jobs[0]))
    store.now += MINUTE // 2
    assert causes(store, jobs[2]) == [Cause.NEXT]
    store.run(queues.pause, "default", ANN)
    [paused] = reasons(store, jobs[2])
    assert (paused.cause, paused.actor, paused.comment) == (Cause.QUEUE_PAUSED, "ann", "because")
    assert paused.at == store.now
