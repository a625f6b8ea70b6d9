"""Operations on both databases: each step is one small transaction that says where it got to."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.domain.errors import IllegalTransition, OperationNotFound
from tenure.domain.grammar import parse
from tenure.domain.ids import IdSource
from tenure.domain.job import Unique
from tenure.domain.lifecycle import ACTIVE, TERMINAL, JobState
from tenure.domain.operation import APPLICABLE, BulkAction
from tenure.domain.query import LAST_ID, InStates, Query
from tenure.domain.run import Outcome
from tenure.store import control, listing, operations
from tenure.store.control import Action
from tenure.store.operations import OperationRow
from tests.builders import NOW, WORKER, report
from tests.store.facts import active, everything, state
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, events, submitted

NOBODY = "0193474a-0000-7000-8000-00000000ffff"


def begun(store: OpenedStore, action: str, filter_: str = "type:echo", **changes: Any) -> str:
    """A new operation, on all jobs submitted until now."""
    new = IdSource().one(NOW + 60_000_000)
    values: dict[str, Any] = {
        "id": new, "action": action, "filter": filter_, "queue": None, "priority": None,
        "state": "running", "phase": "all", "canary_job_id": None, "actor": "ann",
        "reason": "tidy", "owner_id": None, "expected": 3, "counted_all": 1, "cursor": new,
        "done": 0, "refused": 0, "last_error": None, "note": None, "created_at": store.now,
        "finished_at": None,
    }  # fmt: skip
    store.run(operations.begin, OperationRow(**(values | changes)))
    return new


def row(store: OpenedStore, operation_id: str) -> OperationRow:
    return store.run(operations.get, operation_id)


def stepped(store: OpenedStore, operation_id: str, limit: int = 50) -> int | None:
    seen = row(store, operation_id)
    states = APPLICABLE[BulkAction(seen.action)]
    query = parse(seen.filter, seen.created_at).both(Query((InStates(states),)))
    page = store.run(listing.matching, query, seen.cursor, limit)
    return store.run(operations.advance, seen, page, query.states)


def failed(store: OpenedStore, count: int, **changes: Any) -> list[str]:
    ids = submitted(store, count, **changes)
    claimed(store, WORKER)
    ended(store, *(report(job_id, outcome=Outcome.FAILED, retryable=False) for job_id in ids))
    return ids


def test_each_action_does_what_it_says(store: OpenedStore) -> None:
    waiting = submitted(store, 3)
    assert stepped(store, begun(store, "priority", priority=7)) == 3
    assert {active(store, job_id)["rank"] for job_id in waiting} == {
        store.now - 7 * 10_000_000_000_000_000
    }
    assert stepped(store, begun(store, "requeue", queue="mail")) == 3
    assert {active(store, job_id)["queue"] for job_id in waiting} == {"mail"}
    assert stepped(store, begun(store, "cancel")) == 3
    assert {state(store, job_id) for job_id in waiting} == {"cancelled"}
    assert stepped(store, begun(store, "retry")) == 3
    assert {state(store, job_id) for job_id in waiting} == {"pending"}
    assert stepped(store, begun(store, "delete")) == 3
    assert store.run(listing.job_ids, Query(), None, 10).ids == []
    told = events(store, waiting[0])
    assert sorted(event for event, _, _ in told) == ["cancel", "delete", "edit", "edit", "retry"]
    assert {actor for _, actor, _ in told} == {"ann"}
    assert all((reason or "").endswith(": tidy") for _, _, reason in told)


def test_it_goes_down_in_steps_and_says_how_far_it_is(store: OpenedStore) -> None:
    ids = submitted(store, 5)
    operation = begun(store, "cancel")
    assert stepped(store, operation, 2) == 2
    told = row(store, operation)
    assert (told.done, told.state, told.cursor, told.finished_at) == (2, "running", ids[3], None)
    assert stepped(store, operation, 2) == 2
    assert stepped(store, operation, 2) == 1
    told = row(store, operation)
    assert (told.done, told.refused, told.state, told.finished_at) == (5, 0, "completed", store.now)
    assert stepped(store, operation, 2) is None


def test_a_step_seen_twice_is_done_once(store: OpenedStore) -> None:
    submitted(store, 4)
    operation = begun(store, "cancel")
    seen = row(store, operation)
    page = store.run(listing.matching, parse("type:echo", NOW), seen.cursor, 2)
    assert store.run(operations.advance, seen, page, ACTIVE) == 2
    before = everything(store)
    assert store.run(operations.advance, seen, page, ACTIVE) is None
    assert everything(store) == before


def test_a_job_that_left_the_filter_is_passed_over(store: OpenedStore) -> None:
    first, second = submitted(store, 2)
    operation = begun(store, "cancel", "status:pending")
    seen = row(store, operation)
    page = store.run(listing.matching, parse("status:pending", NOW), seen.cursor, 50)
    store.run(control.pause, second, Action())
    assert store.run(operations.advance, seen, page, frozenset({JobState.PENDING})) == 1
    assert (state(store, first), state(store, second)) == ("cancelled", "paused")


def test_a_refused_job_is_counted_and_stops_nothing(store: OpenedStore) -> None:
    ids = submitted(store, 2)
    operation = begun(store, "requeue", queue="mail")
    seen = row(store, operation)
    page = store.run(listing.matching, parse("type:echo", NOW), seen.cursor, 50)
    [(held, *_)] = claimed(store, WORKER, 1)
    assert store.run(operations.advance, seen, page, frozenset(JobState)) == 1
    told = row(store, operation)
    assert (told.done, told.refused, told.state) == (1, 1, "completed")
    assert told.last_error == f"{held}: a running job cannot be edited"
    assert sorted(ids) == sorted(page.ids)


def test_a_retry_whose_unique_key_is_taken_is_refused_and_stops_nothing(store: OpenedStore) -> None:
    ids = [*failed(store, 1), *failed(store, 1, unique=Unique("u")), *failed(store, 1)]
    (holder,) = submitted(store, 1, "other", unique=Unique("u"))
    operation = begun(store, "retry", "status:failed")
    seen = row(store, operation)
    page = store.run(listing.matching, parse("status:failed", NOW), seen.cursor, 50)
    assert store.run(operations.advance, seen, page, frozenset({JobState.FAILED})) == 2
    told = row(store, operation)
    assert (told.done, told.refused, told.state) == (2, 1, "completed")
    assert told.last_error == f"{ids[1]}: the unique key u belongs to job {holder}"
    assert [state(store, job_id) for job_id in ids] == ["pending", "failed", "pending"]


def test_a_canary_goes_first(store: OpenedStore) -> None:
    ids = failed(store, 3)
    operation = begun(store, "retry", "status:failed", phase="first")
    assert stepped(store, operation, 1) == 1
    told = row(store, operation)
    assert (told.phase, told.canary_job_id, told.state) == ("watching", ids[2], "running")
    assert not store.run(operations.judge, told)
    [(_, fence, *_)] = claimed(store, WORKER)
    ended(store, report(ids[2], fence))
    assert store.run(operations.judge, told)
    assert not store.run(operations.judge, told)
    assert row(store, operation).phase == "all"
    assert stepped(store, operation) == 2
    assert [state(store, job_id) for job_id in ids] == ["pending", "pending", "completed"]
    assert row(store, operation).state == "completed"


@pytest.mark.parametrize("end", ["fails", "is deleted"])
def test_a_canary_that_ends_badly_stops_it(store: OpenedStore, end: str) -> None:
    ids = failed(store, 2)
    operation = begun(store, "retry", "status:failed", phase="first")
    stepped(store, operation, 1)
    if end == "fails":
        [(_, fence, *_)] = claimed(store, WORKER)
        ended(store, report(ids[1], fence, outcome=Outcome.FAILED, retryable=False))
    else:
        store.run(control.delete, ids[1], Action())
    assert store.run(operations.judge, row(store, operation))
    told = row(store, operation)
    assert told.state == "stopped"
    word = "ended as failed" if end == "fails" else "is gone"
    assert told.note == f"the canary {ids[1]} {word}"
    assert state(store, ids[0]) == "failed"


def test_a_single_job_is_its_own_canary(store: OpenedStore) -> None:
    [job_id] = failed(store, 1)
    operation = begun(store, "retry", "status:failed", phase="first")
    stepped(store, operation, 1)
    assert row(store, operation).state == "running"
    [(_, fence, *_)] = claimed(store, WORKER)
    ended(store, report(job_id, fence))
    store.run(operations.judge, row(store, operation))
    assert stepped(store, operation) == 0
    assert row(store, operation).state == "completed"


def test_a_canary_for_nothing_completes(store: OpenedStore) -> None:
    operation = begun(store, "retry", "status:failed", phase="first")
    assert stepped(store, operation, 1) == 0
    assert row(store, operation).state == "completed"


def test_aborting(store: OpenedStore) -> None:
    submitted(store, 3)
    operation = begun(store, "cancel")
    stepped(store, operation, 1)
    seen = row(store, operation)
    page = store.run(listing.matching, parse("type:echo", NOW), seen.cursor, 50)
    for _ in range(2):
        store.run(operations.abort, operation, Action("bob", "enough"))
    told = row(store, operation)
    assert (told.state, told.note, told.done) == ("aborted", "by bob: enough", 1)
    assert store.run(operations.advance, seen, page, ACTIVE) is None
    assert store.run(operations.going) == []
    over = begun(store, "cancel")
    stepped(store, over)
    with pytest.raises(IllegalTransition, match="the operation is completed"):
        store.run(operations.abort, over, Action())
    with pytest.raises(OperationNotFound):
        store.run(operations.abort, NOBODY, Action())


def test_lists(store: OpenedStore) -> None:
    ids = sorted(begun(store, "cancel") for _ in range(3))
    assert [one.id for one in store.run(operations.going)] == ids
    newest = store.run(operations.newest, LAST_ID, 2)
    assert [one.id for one in newest] == [ids[2], ids[1]]
    assert [one.id for one in store.run(operations.newest, ids[1], 5)] == [ids[0]]


def test_states_of_jobs(store: OpenedStore) -> None:
    [done] = failed(store, 1)
    [waiting, gone] = submitted(store, 2)
    store.run(control.delete, gone, Action())
    found = store.run(operations.states_of, [done, waiting, gone, NOBODY])
    assert found == {done: JobState.FAILED, waiting: JobState.PENDING}
    assert JobState.FAILED in TERMINAL
