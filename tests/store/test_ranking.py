"""Aging: the order of claim where waiting counts against priority, on both databases."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.job import STRICT_STEP
from tenure.domain.run import Outcome
from tenure.store import control, queues, sweeps
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.edits import Edit, edit
from tenure.store.queues import QueueEdit
from tests.builders import NOW, WORKER, report
from tests.store.facts import active
from tests.store.graphs import child
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, submitted

ANN = Action("ann")


def aging(store: OpenedStore, name: str = "default", span: int | None = MINUTE) -> None:
    store.run(queues.edit, name, QueueEdit({"aging": span}), ANN)


def order(store: OpenedStore) -> list[str]:
    return [row[0] for row in claimed(store, WORKER)]


def rank(store: OpenedStore, job_id: str) -> int:
    return int(active(store, job_id)["rank"])


def test_waiting_long_enough_overtakes_a_higher_priority(store: OpenedStore) -> None:
    aging(store)
    (old,) = submitted(store, 1, priority=-1)
    (plain,) = submitted(store, 1)
    store.now += MINUTE
    (high,) = submitted(store, 1, priority=1)
    (late,) = submitted(store, 1)
    store.now += MINUTE + SECOND
    (higher,) = submitted(store, 1, priority=2)
    assert order(store) == [plain, high, higher, old, late]


def test_without_aging_priority_is_strict(store: OpenedStore) -> None:
    aging(store, "mail")
    (old,) = submitted(store, 1)
    store.now += 10**9 * SECOND
    (high,) = submitted(store, 1, priority=1)
    assert rank(store, high) == store.now - STRICT_STEP
    assert order(store) == [high, old]


def test_every_way_to_become_ready_counts_the_step(store: OpenedStore) -> None:
    aging(store)
    (job_id,) = submitted(store, 1, priority=3, run_at=NOW + SECOND)
    assert rank(store, job_id) == NOW + SECOND - 3 * MINUTE
    store.run(edit, job_id, Edit({"priority": 5, "run_at": None}), ANN)
    assert rank(store, job_id) == NOW - 5 * MINUTE
    claimed(store, WORKER)
    ended(store, report(job_id, outcome=Outcome.FAILED, retry_after_seconds=1.0))
    assert rank(store, job_id) == NOW + SECOND - 5 * MINUTE
    store.run(control.cancel, job_id, ANN)
    store.run(control.retry, job_id, ANN)
    assert rank(store, job_id) == NOW - 5 * MINUTE
    store.run(edit, job_id, Edit({"queue": "mail"}), ANN)
    assert rank(store, job_id) == NOW - 5 * STRICT_STEP


def test_a_child_and_a_timed_out_job_count_the_step(store: OpenedStore) -> None:
    aging(store)
    (parent,) = submitted(store, 1, priority=2, timeout_seconds=1.0)
    below = child(store, [parent], priority=2)
    claimed(store, WORKER)
    store.now += MINUTE
    store.run(sweeps.sweep, 3, lambda: 0.5)
    row = active(store, parent)
    assert row["rank"] == row["run_at"] - 2 * MINUTE
    store.now += MINUTE
    store.run(control.resume, parent, ANN)
    store.run(edit, parent, Edit({"run_at": None}), ANN)
    claimed(store, WORKER)
    ended(store, report(parent, 2))
    row = active(store, below)
    assert (row["state"], row["rank"]) == ("pending", store.now - 2 * MINUTE)


def test_jobs_without_priority_never_ask_for_a_step(store: OpenedStore) -> None:
    def plain() -> None:
        (job_id,) = submitted(store, 1)
        claimed(store, WORKER)
        ended(store, report(job_id, outcome=Outcome.FAILED))

    ran = store.statements(plain)
    assert ran
    assert not [text for text in ran if "queues.aging" in text]
    assert store.rows(sa.select(t.active_jobs.c.job_id))
