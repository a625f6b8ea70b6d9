"""Lists of one owner: the same as of all, less the others', through an index of the owner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from tenure.domain.lifecycle import JobState as S
from tenure.domain.query import InStates, Query
from tenure.store import listing, operations, schedule_reads, workflow_reads
from tenure.store import tables as t
from tenure.store.unit import Unit
from tenure.store.upcoming import upcoming
from tests.builders import OTHER_WORKER, WORKER
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table, plans
from tests.store.scenes import submitted
from tests.store.test_listing import in_every_state

ANN, BOB = WORKER, OTHER_WORKER
LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def shared_out(store: OpenedStore) -> tuple[dict[S, list[str]], dict[S, list[str]]]:
    """Two jobs in each of six states: one of Ann's and one of Bob's."""
    jobs = in_every_state(store)
    ann = {state: found[:1] for state, found in jobs.items()}
    bob = {state: found[1:] for state, found in jobs.items()}
    for owner, theirs in ((ANN, ann), (BOB, bob)):
        ids = [job_id for found in theirs.values() for job_id in found]
        store.execute(sa.update(t.jobs).where(t.jobs.c.id.in_(ids)).values(owner_id=owner))
        active = sa.update(t.active_jobs).where(t.active_jobs.c.job_id.in_(ids))
        store.execute(active.values(owner_id=owner))
    return ann, bob


def test_every_choice_of_states_shows_the_owners(store: OpenedStore) -> None:
    for owner, theirs in zip((ANN, BOB), shared_out(store), strict=True):
        chosen: list[set[S]] = [set(), *({state} for state in S)]
        chosen += [{S.FAILED, S.CANCELLED}, {S.PENDING, S.RUNNING}, {S.PENDING, S.COMPLETED}]
        for states in chosen:
            query = Query((InStates(frozenset(states)),) if states else ())
            wanted = [i for state in (states or set(S)) for i in theirs.get(state, [])]
            found = store.run(listing.job_ids, query, None, 50, 0, owner)
            assert found.ids == sorted(wanted, reverse=True), states


def test_pages_of_an_owner_follow_each_other(store: OpenedStore) -> None:
    for _ in range(4):
        submitted(store, 2, owner_id=ANN)
        submitted(store, 3, owner_id=BOB)
    whole = store.run(listing.job_ids, Query(), None, 50, 0, ANN).ids
    assert len(whole) == 8
    seen: list[str] = []
    after = None
    while True:
        page = store.run(listing.job_ids, Query(), after, 3, 0, ANN)
        seen += page.ids
        after = page.next
        if after is None:
            break
    assert seen == whole


def test_what_is_next_is_the_owners_in_order_of_claim(store: OpenedStore) -> None:
    low = submitted(store, 1, owner_id=ANN)
    submitted(store, 3, owner_id=BOB, priority=50)
    high = submitted(store, 1, owner_id=ANN, priority=9, queue="mail")
    found = store.run(upcoming, None, None, 10, ANN)
    assert [row.job_id for row in found] == high + low
    assert [row.job_id for row in store.run(upcoming, "mail", None, 10, ANN)] == high
    assert store.run(upcoming, None, "other", 10, ANN) == []
    assert len(store.run(upcoming, None, None, 1, ANN)) == 1


def _listed(states: frozenset[S]) -> Callable[[Unit], Any]:
    query = Query((InStates(states),))
    return lambda unit: listing.matching(unit, query, None, 10, ANN)


LISTS: list[tuple[str, Callable[[Unit], Any]]] = [
    ("ix_jobs_owner_id", lambda unit: listing.matching(unit, Query(), None, 10, ANN)),
    ("ix_jobs_owner_id", _listed(frozenset({S.FAILED}))),
    ("ix_active_jobs_owner_id", _listed(frozenset({S.RUNNING, S.PENDING}))),
    ("ix_active_jobs_owner_id", lambda unit: upcoming(unit, None, None, 10, ANN)),
    ("ix_workflows_owner_id", lambda unit: workflow_reads.workflows(unit, None, LAST, 10, ANN)),
    (
        "ix_schedules_owner_id",
        lambda unit: schedule_reads.schedules(unit, "active", None, LAST, 10, ANN),
    ),
    ("ix_operations_owner_id", lambda unit: operations.newest(unit, LAST, 10, ANN)),
]


def test_lists_of_an_owner_are_ranges_of_their_index(store: OpenedStore) -> None:
    shared_out(store)
    for index, body in LISTS:
        no_whole_table(store, body)
        assert index in "\n".join(plans(store, body))
