"""Admission by concurrency key."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.lease import LeaseTerms
from tenure.domain.run import Outcome
from tenure.store import control, promotions, sweeps
from tenure.store import tables as t
from tenure.store import tables_limits as lim
from tenure.store.control import Action
from tenure.store.edits import Edit, edit
from tenure.store.renewals import Released, release
from tests.builders import NOW, WORKER, report
from tests.store.facts import active, state
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, submitted


def keyed(store: OpenedStore, count: int, key: str = "k", **changes: Any) -> list[str]:
    return submitted(store, count, concurrency_key=key, **changes)


def states(store: OpenedStore, ids: list[str]) -> list[str]:
    return [state(store, job_id) for job_id in ids]


def limit(store: OpenedStore, key: str, most: int) -> None:
    values = {"key": key, "max_running": most, "updated_at": NOW}
    store.execute(sa.insert(lim.limits).values(values))


def limits(store: OpenedStore) -> list[str]:
    return [row[0] for row in store.rows(sa.select(lim.limits.c.key).order_by(lim.limits.c.key))]


def test_without_a_limit_jobs_of_a_key_go_one_by_one(store: OpenedStore) -> None:
    ids = keyed(store, 3)
    assert states(store, ids) == ["pending", "blocked", "blocked"]
    assert active(store, ids[1])["reason"] == "concurrency_key"
    for place, job_id in enumerate(ids):
        assert [row[0] for row in claimed(store, WORKER)] == [job_id]
        assert claimed(store, WORKER) == []
        ended(store, report(job_id))
        assert states(store, ids[place + 1 :])[:1] == ["pending"][: len(ids) - place - 1]
    assert limits(store) == []


def test_a_limit_admits_as_many_by_rank(store: OpenedStore) -> None:
    limit(store, "k", 2)
    low, high, middle = keyed(store, 1), keyed(store, 1), keyed(store, 1, priority=5)
    assert states(store, low + high + middle) == ["pending", "pending", "blocked"]
    first = keyed(store, 1, priority=9)
    claimed(store, WORKER)
    ended(store, report(low[0]))
    assert states(store, middle + first) == ["blocked", "pending"]
    assert limits(store) == ["k"]


@pytest.mark.parametrize("most", [7, 9, 2000])
def test_many_at_once(store: OpenedStore, most: int) -> None:
    limit(store, "k", most)
    ids = keyed(store, 1200)
    found = states(store, ids[: most + 1]) if most < 100 else ["pending"] * most + ["blocked"]
    assert found == ["pending"] * most + ["blocked"]
    [(admitted,)] = store.rows(sa.select(sa.func.count()).where(t.active_jobs.c.state == "pending"))
    assert admitted == min(most, 1200)


def test_keys_do_not_touch_each_other(store: OpenedStore) -> None:
    one, two = keyed(store, 2, "a"), keyed(store, 2, "b")
    claimed(store, WORKER)
    ended(store, report(one[0]))
    assert states(store, one + two) == ["completed", "pending", "running", "blocked"]


def test_ends_of_many_keys_admit_in_one_transaction(store: OpenedStore) -> None:
    pairs = [keyed(store, 2, f"key-{number}") for number in range(20)]
    claimed(store, WORKER)
    ended(store, *(report(first) for first, _ in pairs))
    assert {state(store, second) for _, second in pairs} == {"pending"}


def test_a_lost_or_released_lease_keeps_its_place(store: OpenedStore) -> None:
    first, second = keyed(store, 2)
    claimed(store, WORKER)
    store.run(release, [Released(WORKER, {(first, 1): True})])
    assert states(store, [first, second]) == ["pending", "blocked"]
    claimed(store, WORKER)
    store.now += LeaseTerms().lease
    store.run(sweeps.sweep, 3, lambda: 0.5)
    assert states(store, [first, second]) == ["pending", "blocked"]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SNOOZED])
def test_a_job_that_waits_for_its_time_lets_the_next_go(
    store: OpenedStore, outcome: Outcome
) -> None:
    first, second = keyed(store, 2)
    claimed(store, WORKER)
    ended(store, report(first, outcome=outcome, result=None))
    assert states(store, [first, second]) == ["scheduled", "pending"]
    store.now += MINUTE
    assert store.run(promotions.promote) == 1
    row = active(store, first)
    assert (row["state"], row["reason"]) == ("blocked", "concurrency_key")
    claimed(store, WORKER)
    ended(store, report(second))
    assert state(store, first) == "pending"


def test_a_due_job_is_admitted_where_there_is_room(store: OpenedStore) -> None:
    (job_id,) = keyed(store, 1, run_at=NOW + SECOND)
    assert limits(store) == []
    store.now += SECOND
    store.run(promotions.promote)
    row = active(store, job_id)
    assert (row["state"], row["reason"]) == ("pending", None)


def test_pause_and_cancel_let_the_next_go_and_resume_waits_again(store: OpenedStore) -> None:
    first, second, third = keyed(store, 3)
    store.run(control.pause, first, Action())
    assert states(store, [first, second, third]) == ["paused", "pending", "blocked"]
    store.run(control.resume, first, Action())
    assert states(store, [first, second, third]) == ["blocked", "pending", "blocked"]
    store.run(control.cancel, second, Action())
    assert states(store, [first, second, third]) == ["pending", "cancelled", "blocked"]
    store.run(control.retry, second, Action())
    assert states(store, [first, second, third]) == ["pending", "blocked", "blocked"]
    store.run(control.pause, third, Action())
    store.run(control.delete, first, Action())
    assert states(store, [second, third]) == ["pending", "paused"]


def test_an_edit_of_the_time_leaves_and_enters_the_line(store: OpenedStore) -> None:
    first, second = keyed(store, 2)
    store.run(edit, first, Edit({"run_at": NOW + MINUTE}), Action())
    assert states(store, [first, second]) == ["scheduled", "pending"]
    store.run(edit, first, Edit({"run_at": None}), Action())
    assert states(store, [first, second]) == ["blocked", "pending"]
    store.run(edit, first, Edit({"run_at": NOW + MINUTE}), Action())
    assert (state(store, first), active(store, first)["reason"]) == ("scheduled", "run_at")
    store.run(edit, second, Edit({"priority": 3}), Action())
    assert states(store, [first, second]) == ["scheduled", "pending"]


def test_an_edit_of_the_key_moves_the_job_to_the_other_line(store: OpenedStore) -> None:
    first, second, third = keyed(store, 3)
    (other,) = keyed(store, 1, "b")
    store.run(edit, first, Edit({"concurrency_key": "b"}), Action())
    assert states(store, [first, second, third, other]) == [
        "blocked", "pending", "blocked", "pending",
    ]  # fmt: skip
    store.run(edit, third, Edit({"concurrency_key": None}), Action())
    assert (state(store, third), active(store, third)["ties"]) == ("pending", 0)
    store.run(edit, third, Edit({"concurrency_key": "k"}), Action())
    assert (state(store, third), active(store, third)["ties"]) == ("blocked", 8)
    store.run(control.cancel, other, Action())
    assert state(store, first) == "pending"


def test_expiry_in_line_and_after(store: OpenedStore) -> None:
    first, second, third = keyed(store, 3, expires_at=NOW + SECOND)
    claimed(store, WORKER)
    store.now += SECOND
    store.run(promotions.expire)
    assert states(store, [first, second, third]) == ["running", "expired", "expired"]
    ended(store, report(first))
    assert limits(store) == []


def test_jobs_without_a_key_touch_no_limit(store: OpenedStore) -> None:
    def plain() -> None:
        (job_id,) = submitted(store, 1)
        claimed(store, WORKER)
        ended(store, report(job_id))

    ran = store.statements(plain)
    assert ran
    assert not [text for text in ran if "FROM limits" in text or "INTO limits" in text]
