"""Which index a list reads, on both databases."""

from __future__ import annotations

from functools import partial

import pytest
import sqlalchemy as sa

from tenure.domain.lifecycle import JobState as S
from tenure.domain.query import InStates, Query
from tenure.domain.run import Outcome, Report
from tenure.store.listing import job_ids
from tenure.store.windows import streams_of
from tests.builders import NOW, WORKER
from tests.store.opened import OpenedStore
from tests.store.plans import plans
from tests.store.scenes import claimed, ended, submitted


@pytest.mark.parametrize(
    ("states", "streams"),
    [
        (set(S), ("jobs",)),
        ({S.FAILED}, ("failed",)),
        ({S.FAILED, S.EXPIRED}, ("expired", "failed")),
        ({S.COMPLETED}, ("finished",)),
        ({S.COMPLETED, S.FAILED}, ("finished",)),
        ({S.RUNNING}, ("running",)),
        ({S.RUNNING, S.SCHEDULED}, ("running", "scheduled")),
        ({S.PENDING}, ("active_jobs",)),
        ({S.PENDING, S.RUNNING}, ("active_jobs",)),
        ({S.PAUSED}, ("active_jobs",)),
        ({S.RUNNING, S.FAILED}, ("failed", "running")),
        ({S.PAUSED, S.COMPLETED}, ("active_jobs", "finished")),
        (set(S) - {S.EXPIRED}, ("active_jobs", "finished")),
    ],
)
def test_streams_fit_the_states(
    store: OpenedStore, states: set[S], streams: tuple[str, ...]
) -> None:
    """Two jobs run, two wait for their time, three are pending, and two are few."""
    submitted(store, 2)
    claimed(store, WORKER)
    submitted(store, 2, run_at=NOW + 1)
    submitted(store, 3)
    assert store.run(streams_of, frozenset(states), 2) == streams


@pytest.mark.parametrize(
    ("state", "index"),
    [
        (S.RUNNING, "ix_active_jobs_leased"),
        (S.SCHEDULED, "ix_active_jobs_scheduled"),
        (S.FAILED, "ix_runs_ended_badly"),
        (S.COMPLETED, "uq_runs_final"),
    ],
)
def test_each_stream_reads_its_index(store: OpenedStore, state: S, index: str) -> None:
    _many_of_one_kind_few_of_the_others(store)
    wanted = Query((InStates(frozenset({state})),))
    found = plans(store, partial(job_ids, query=wanted, after=None, limit=50))
    assert any(index in plan for plan in found), found


def _many_of_one_kind_few_of_the_others(store: OpenedStore) -> None:
    """What makes the right index much cheaper than another, so that no planner hesitates."""
    submitted(store, 1000)
    held = [(row[0], row[1]) for row in claimed(store, WORKER, 500)]
    few, many = held[2:5], held[5:]
    ended(
        store,
        *(Report(*lease, WORKER, Outcome.COMPLETED) for lease in many),
        *(Report(*lease, WORKER, Outcome.FAILED, retryable=False) for lease in few),
    )
    if store.dialect.name == "postgresql":
        store.execute(sa.text("ANALYZE"))
