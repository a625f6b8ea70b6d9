"""Every state with every event, on both databases: legal pairs move, others touch no row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import sqlalchemy as sa

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.errors import IllegalTransition
from tenure.domain.lifecycle import TRANSITIONS, Choice, Event, JobState
from tenure.domain.run import Outcome, Report
from tenure.store import control, promotions, sweeps
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.renewals import Released, release
from tenure.store.reports import report as settle
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.facts import active, everything, runs, state
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, submitted

RUN_AT = NOW + MINUTE
EXPIRES_AT = NOW + 60 * MINUTE
HALF = 0.5


def random() -> float:
    return HALF


def waiting(store: OpenedStore, in_state: JobState) -> str:
    run_at = RUN_AT if in_state is JobState.SCHEDULED else None
    (job_id,) = submitted(store, 1, expires_at=EXPIRES_AT, run_at=run_at)
    if in_state is JobState.PAUSED:
        store.run(control.pause, job_id, Action())
    if in_state is JobState.BLOCKED:  # no verb leads there yet
        store.execute(sa.update(t.active_jobs).values(state="blocked"))
    return job_id


def running(store: OpenedStore, in_state: JobState) -> str:
    job_id = waiting(store, JobState.PENDING)
    claimed(store, WORKER)
    return job_id


def finished(store: OpenedStore, in_state: JobState) -> str:
    job_id = running(store, JobState.RUNNING)
    outcome = Outcome.COMPLETED if in_state is JobState.COMPLETED else Outcome.FAILED
    ended(store, report(job_id, outcome=outcome, retryable=False))
    return job_id


def ended_waiting(store: OpenedStore, in_state: JobState) -> str:
    job_id = waiting(store, JobState.PENDING)
    store.run(control.cancel, job_id, Action())
    if in_state is not JobState.CANCELLED:  # no verb skips yet; expiry would move the clock
        store.execute(sa.update(t.runs).values(final_state=in_state.value))
    return job_id


ARRANGED: dict[JobState, Callable[[OpenedStore, JobState], str]] = {
    JobState.SCHEDULED: waiting,
    JobState.BLOCKED: waiting,
    JobState.PENDING: waiting,
    JobState.PAUSED: waiting,
    JobState.RUNNING: running,
    JobState.COMPLETED: finished,
    JobState.FAILED: finished,
    JobState.CANCELLED: ended_waiting,
    JobState.SKIPPED: ended_waiting,
    JobState.EXPIRED: ended_waiting,
}


def told(store: OpenedStore, job_id: str, outcome: Outcome) -> None:
    """A report under the fence the job has now, in any state, from the worker that ran it."""
    row = active(store, job_id)
    fence = row["fence"] if row else runs(store, job_id)[-1]["fence"]
    item: Report = report(job_id, fence, outcome=outcome, result='"new"')
    store.run(settle, [[item]], random)


def act(verb: Callable[..., None]) -> Callable[[OpenedStore, str], None]:
    def apply(store: OpenedStore, job_id: str) -> None:
        try:
            store.run(verb, job_id, Action())
        except IllegalTransition:
            return

    return apply


def promoted(store: OpenedStore, job_id: str) -> None:
    store.now = RUN_AT
    store.run(promotions.promote)


def taken(store: OpenedStore, job_id: str) -> None:
    claimed(store, OTHER_WORKER)


def swept(store: OpenedStore, job_id: str) -> None:
    store.now += 30 * SECOND
    store.run(sweeps.sweep, 3, random)


def given_back(store: OpenedStore, job_id: str) -> None:
    fence = active(store, job_id).get("fence", 1)
    store.run(release, [Released(WORKER, {(job_id, fence): True})])


def expired(store: OpenedStore, job_id: str) -> None:
    store.now = EXPIRES_AT
    store.run(promotions.expire)


APPLIED: dict[Event, Callable[[OpenedStore, str], None]] = {
    Event.PROMOTE: promoted,
    Event.CLAIM: taken,
    Event.COMPLETE: lambda store, job_id: told(store, job_id, Outcome.COMPLETED),
    Event.FAIL: lambda store, job_id: told(store, job_id, Outcome.FAILED),
    Event.EXPIRE_LEASE: swept,
    Event.RELEASE: given_back,
    Event.SNOOZE: lambda store, job_id: told(store, job_id, Outcome.SNOOZED),
    Event.CANCEL: act(control.cancel),
    Event.PAUSE: act(control.pause),
    Event.RESUME: act(control.resume),
    Event.EXPIRE: expired,
    Event.RETRY: act(control.retry),
}


CHOSEN: dict[Event, JobState] = {
    Event.PROMOTE: JobState.PENDING,
    Event.FAIL: JobState.SCHEDULED,
    Event.EXPIRE_LEASE: JobState.PENDING,
    Event.RELEASE: JobState.PENDING,
    Event.SNOOZE: JobState.SCHEDULED,
    Event.RESUME: JobState.PENDING,
    Event.RETRY: JobState.PENDING,
}
"""Where these jobs go when the event leaves a choice: attempts are left and nothing is due later
than now but backoff and snooze."""


def test_only_dependencies_lack_verbs() -> None:
    assert set(Event) - APPLIED.keys() == {Event.UNBLOCK, Event.SKIP}
    assert ARRANGED.keys() == set(JobState)


@pytest.mark.parametrize(("before", "event"), [*product(JobState, APPLIED)], ids=str)
def test_pair(store: OpenedStore, before: JobState, event: Event) -> None:
    job_id = ARRANGED[before](store, before)
    assert state(store, job_id) == before
    rows = everything(store)
    APPLIED[event](store, job_id)
    target = TRANSITIONS.get((before, event))
    if target is None:
        assert everything(store) == rows
        return
    if isinstance(target, Choice):
        assert CHOSEN[event] in target.targets
        target = CHOSEN[event]
    assert state(store, job_id) == target
    assert everything(store) != rows
