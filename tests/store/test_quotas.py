"""What an owner may have, counted in the transaction that adds, on both databases."""

from __future__ import annotations

import pytest

from tenure.domain.errors import QuotaExceeded, TenureError
from tenure.domain.job import NewJob
from tenure.store import control, quotas, schedules
from tenure.store.control import Action
from tenure.store.submits import Submission, Submitted, submit
from tests.builders import OTHER_WORKER, WORKER, new_jobs, new_schedule
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table, plans
from tests.store.scenes import submitted

ANN, BOB = WORKER, OTHER_WORKER


def asked(jobs: list[NewJob], most: int | None, **changes: object) -> Submission:
    owner = jobs[0].owner_id or ""
    found = Submission(jobs, 0, owner=owner, most_unfinished=most)
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def answered(store: OpenedStore, *submissions: Submission) -> list[Submitted | TenureError]:
    return store.run(submit, list(submissions))


def test_an_owner_has_room_up_to_the_bound(store: OpenedStore) -> None:
    submitted(store, 5, owner_id=BOB)
    [first] = answered(store, asked(new_jobs(3, owner_id=ANN), 3))
    assert first == Submitted()
    [over] = answered(store, asked(new_jobs(1, owner_id=ANN), 3))
    assert isinstance(over, QuotaExceeded)
    assert over.detail == ("quota unfinished_jobs: at most 3, 3 are there, 1 more were asked for")
    assert over.retry_after is not None
    [free] = answered(store, asked(new_jobs(9, owner_id=ANN), None))
    assert free == Submitted()


def test_what_ends_makes_room(store: OpenedStore) -> None:
    ids = submitted(store, 2, owner_id=ANN)
    assert isinstance(answered(store, asked(new_jobs(1, owner_id=ANN), 2))[0], QuotaExceeded)
    store.run(control.cancel, ids[0], Action())
    assert answered(store, asked(new_jobs(1, owner_id=ANN), 2)) == [Submitted()]


def test_requests_of_one_transaction_share_the_room(store: OpenedStore) -> None:
    one, two, three = (asked(new_jobs(n, owner_id=ANN), 4) for n in (3, 2, 1))
    other = asked(new_jobs(4, owner_id=BOB), 4)
    found = answered(store, one, two, other, three)
    assert [isinstance(item, QuotaExceeded) for item in found] == [False, True, False, False]


def test_item_by_item_what_fits_is_taken(store: OpenedStore) -> None:
    [found] = answered(store, asked(new_jobs(5, owner_id=ANN), 3, atomic=False))
    assert isinstance(found, Submitted)
    assert sorted(found.refused) == [3, 4]
    assert all(isinstance(error, QuotaExceeded) for error in found.refused.values())
    assert len(submitted_ids(store)) == 3


def submitted_ids(store: OpenedStore) -> list[str]:
    import sqlalchemy as sa

    from tenure.store import tables as t

    return [row[0] for row in store.rows(sa.select(t.active_jobs.c.job_id))]


def test_a_repeated_request_is_answered_as_before(store: OpenedStore) -> None:
    jobs = new_jobs(2, owner_id=ANN)
    assert answered(store, asked(jobs, 2, key="k", digest="d", answer="[]")) == [Submitted()]
    again = asked(new_jobs(2, owner_id=ANN), 2, key="k", digest="d", answer="[]")
    assert answered(store, again) == [Submitted(replayed="[]")]
    refused = asked(new_jobs(1, owner_id=ANN), 2, key="later", digest="d", answer="[]")
    assert isinstance(answered(store, refused)[0], QuotaExceeded)
    for job_id in submitted_ids(store):
        store.run(control.cancel, job_id, Action())
    assert answered(store, refused) == [Submitted()]


def test_schedules_are_counted_without_the_deleted_ones(store: OpenedStore) -> None:
    ids = [new_schedule(owner_id=ANN) for _ in range(2)]
    for new in ids:
        store.run(schedules.create, new, Action())
    store.run(quotas.check_schedules, ANN, 3)
    with pytest.raises(QuotaExceeded, match="quota schedules: at most 2, 2 are there"):
        store.run(quotas.check_schedules, ANN, 2)
    store.run(schedules.delete, ids[0].id, Action())
    store.run(quotas.check_schedules, ANN, 2)
    store.run(quotas.check_schedules, BOB, 1)
    store.run(quotas.check_schedules, None, 0)


def test_counts_read_the_index_of_the_owner(store: OpenedStore) -> None:
    submitted(store, 3, owner_id=ANN)
    for body, index in (
        (lambda unit: quotas.check_room(unit, ANN, 5, 1), "ix_active_jobs_owner_id"),
        (lambda unit: quotas.check_schedules(unit, ANN, 5), "ix_schedules_owner_id"),
    ):
        no_whole_table(store, body)
        assert all(index in plan for plan in plans(store, body))


def test_who_has_no_bound_costs_no_statement(store: OpenedStore) -> None:
    free = Submission(new_jobs(3), 0)
    assert plans(store, lambda unit: quotas.beyond(unit, [free])) == []
