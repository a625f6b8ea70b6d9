"""Editing jobs on both databases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.errors import (
    IllegalTransition,
    InvalidInput,
    JobNotFound,
    PreconditionFailed,
    TenureError,
    VersionConflict,
)
from tenure.domain.job import rank
from tenure.domain.retry import RetryPolicy, Strategy
from tenure.domain.run import Outcome
from tenure.store import control, reads
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.edits import Edit, edit
from tenure.store.options import decode_options
from tests.builders import NOW, WORKER, report
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, events, submitted

LATER = NOW + 60 * SECOND


def one(store: OpenedStore, **changes: Any) -> str:
    return submitted(store, 1, **changes)[0]


def change(store: OpenedStore, job_id: str, **changes: Any) -> None:
    store.run(edit, job_id, Edit(changes), Action("ann"))


def active(store: OpenedStore, job_id: str) -> dict[str, Any]:
    rows = store.rows(sa.select(t.active_jobs).where(t.active_jobs.c.job_id == job_id))
    return dict(rows[0]._mapping)


def test_only_the_given_fields_change(store: OpenedStore) -> None:
    job_id = one(store, name="before", tags=("a",), timeout_seconds=9.0, priority=1)
    before = active(store, job_id)
    change(store, job_id, name="after")
    row = store.run(reads.job, job_id)
    assert (row.name, row.tags, row.priority, row.version, row.payload) == (
        "after", '["a"]', 1, 2, "0",
    )  # fmt: skip
    assert decode_options(row.options).timeout_seconds == 9.0
    assert active(store, job_id) == before


def test_options_payload_and_tags(store: OpenedStore) -> None:
    job_id = one(store, tags=("a",))
    policy = RetryPolicy(Strategy.FIXED, 1.0)
    changes = {"retry_policy": policy, "timeout_seconds": 5.0, "max_attempts": 7, "tags": ()}
    store.run(edit, job_id, Edit(changes, payload="[1.10]"), Action())
    row = store.run(reads.job, job_id)
    options = decode_options(row.options)
    assert (options.retry_policy, options.timeout_seconds, options.max_attempts) == (policy, 5.0, 7)
    assert (row.payload, row.tags, row.max_attempts) == ("[1.10]", None, 7)


def test_a_job_moves_to_another_queue_and_type(store: OpenedStore) -> None:
    job_id = one(store)
    place = active(store, job_id)["rank"]
    change(store, job_id, queue="mail", type="other")
    assert store.last is not None and store.last.ready == {("mail", "other"): 1}
    assert active(store, job_id)["rank"] == place
    assert [row[0] for row in claimed(store, WORKER, queues=("mail",))] == [job_id]


def test_priority_moves_a_job_in_the_line_but_keeps_its_age(store: OpenedStore) -> None:
    job_id = one(store)
    store.now += SECOND
    change(store, job_id, priority=7)
    row = active(store, job_id)
    assert (row["rank"], row["run_at"]) == (rank(NOW, 7), NOW)


def test_run_at_sends_a_job_to_wait_and_back(store: OpenedStore) -> None:
    job_id = one(store)
    change(store, job_id, run_at=LATER)
    row = active(store, job_id)
    assert (row["state"], row["reason"], row["run_at"]) == ("scheduled", "run_at", LATER)
    assert row["rank"] == rank(LATER, 0)
    assert store.last is not None and store.last.due == LATER
    store.now += SECOND
    change(store, job_id, run_at=None)
    row = active(store, job_id)
    assert (row["state"], row["reason"], row["run_at"]) == ("pending", None, NOW + SECOND)
    assert store.last is not None and store.last.ready == {("default", "echo"): 1}
    assert store.run(reads.job, job_id).version == 3


def test_a_time_that_has_passed_keeps_the_place_in_the_line(store: OpenedStore) -> None:
    job_id = one(store)
    store.now += 5 * SECOND
    change(store, job_id, run_at=NOW + SECOND)
    row = active(store, job_id)
    assert (row["state"], row["run_at"], row["rank"]) == ("pending", NOW, rank(NOW, 0))


def test_a_paused_job_stays_paused(store: OpenedStore) -> None:
    job_id = one(store)
    store.run(control.pause, job_id, Action())
    change(store, job_id, run_at=LATER, priority=2)
    row = active(store, job_id)
    assert (row["state"], row["run_at"], row["rank"]) == ("paused", LATER, rank(LATER, 2))
    store.run(control.resume, job_id, Action())
    row = active(store, job_id)
    assert (row["state"], row["reason"]) == ("scheduled", "run_at")


def test_attempts_already_made_bound_the_attempts_allowed(store: OpenedStore) -> None:
    job_id = one(store)
    for fence in (1, 2):
        claimed(store, WORKER)
        failed = {"outcome": Outcome.FAILED, "error": "{}", "retry_after_seconds": 0.0}
        ended(store, report(job_id, fence, **failed))
    with pytest.raises(InvalidInput, match="2 attempts were made, so at least 3"):
        change(store, job_id, max_attempts=2)
    change(store, job_id, max_attempts=3)
    assert active(store, job_id)["max_attempts"] == 3


def test_expires_at_moves_with_the_edit(store: OpenedStore) -> None:
    job_id = one(store, expires_at=LATER)
    change(store, job_id, expires_at=None)
    assert active(store, job_id)["expires_at"] is None
    change(store, job_id, expires_at=LATER)
    assert active(store, job_id)["expires_at"] == LATER


@pytest.mark.parametrize(
    ("guards", "error"),
    [
        ({"version": 2}, VersionConflict),
        ({"if_match": frozenset({2, 3})}, PreconditionFailed),
        ({"if_match": frozenset()}, PreconditionFailed),
        ({"version": 2, "if_match": frozenset({2})}, PreconditionFailed),
        ({"version": 1, "if_match": frozenset({1, 2})}, None),
        ({"version": 1}, None),
    ],
)
def test_guards_against_changes_by_someone_else(
    store: OpenedStore, guards: dict[str, Any], error: type[TenureError] | None
) -> None:
    job_id = one(store)
    wanted = Edit({"name": "new"}, **guards)
    if error is None:
        store.run(edit, job_id, wanted, Action())
    else:
        with pytest.raises(error):
            store.run(edit, job_id, wanted, Action())
    row = store.run(reads.job, job_id)
    assert (row.name, row.version) == (("new", 2) if error is None else (None, 1))


def test_running_and_finished_jobs_are_not_edited(store: OpenedStore) -> None:
    job_id = one(store)
    claimed(store, WORKER)
    with pytest.raises(IllegalTransition, match="running"):
        change(store, job_id, name="x")
    ended(store, report(job_id))
    with pytest.raises(IllegalTransition, match="completed"):
        change(store, job_id, name="x")
    with pytest.raises(JobNotFound):
        change(store, WORKER, name="x")
    assert store.run(reads.job, job_id).version == 1


def test_an_edit_of_nothing_changes_nothing(store: OpenedStore) -> None:
    job_id = one(store)
    change(store, job_id)
    assert store.run(reads.job, job_id).version == 1
    assert events(store, job_id) == []


def test_an_edit_is_recorded(store: OpenedStore) -> None:
    job_id = one(store)
    store.run(edit, job_id, Edit({"priority": 1, "name": "n"}, payload="1"), Action("ann"))
    assert events(store, job_id) == [("edit", "ann", None)]
    detail = store.rows(sa.select(t.events.c.detail))[0][0]
    assert detail == '{"fields":["name","priority","payload"],"version":2}'
