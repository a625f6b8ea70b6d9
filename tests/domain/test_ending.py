from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain.clock import SECOND
from tenure.domain.ending import Ending, Held, released, reported, swept
from tenure.domain.job import OnLost, rank
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.domain.run import MAX_FREE_RELEASES, MAX_SNOOZES, Outcome
from tests.builders import NOW, WORKER, job_options, report

MAX_LOST = 3
MIDDLE = 0.5


def held(**changes: Any) -> Held:
    """A job at its first of four attempts, with a fixed backoff of two seconds."""
    plain = Held(
        job_id="0193474a-0000-7000-8000-00000000000a",
        fence=7,
        worker_id=WORKER,
        queue="default",
        type="echo",
        attempt=1,
        max_attempts=4,
        lost=0,
        releases=0,
        snoozes=0,
        rank=rank(NOW - 60 * SECOND, 5),
        run_at=NOW - 60 * SECOND,
        started_at=NOW - SECOND,
        deadline_at=None,
        cancel_requested=False,
        progress=None,
        ties=0,
        priority=5,
        options=job_options(),
    )
    return replace(plain, **changes)


def told(outcome: Outcome, job: Held | None = None, **changes: Any) -> Ending:
    job = job or held()
    values = {"outcome": outcome, "result": None} | changes
    return reported(job, report(job.job_id, job.fence, **values), NOW, MIDDLE)


# Reports -------------------------------------------------------------------------------------


def test_completed_is_completed() -> None:
    ending = told(Outcome.COMPLETED, result='{"n":1.10}')
    assert (ending.state, ending.outcome, ending.reason) == ("completed", "completed", None)
    assert ending.final
    assert ending.result == '{"n":1.10}'


def test_completed_stays_completed_after_a_cancel() -> None:
    assert told(Outcome.COMPLETED, held(cancel_requested=True)).state == "completed"


def test_a_failure_waits_for_its_backoff() -> None:
    ending = told(Outcome.FAILED, error='{"message":"no"}', checkpoint='"half"')
    assert (ending.state, ending.outcome, ending.reason) == ("scheduled", "failed", "backoff")
    assert ending.run_at == NOW + 2 * SECOND
    assert ending.rank == rank(NOW + 2 * SECOND, 5)
    assert (ending.attempt, ending.lost) == (1, 0)
    assert (ending.error, ending.checkpoint) == ('{"message":"no"}', '"half"')
    assert not ending.final


def test_the_handler_may_choose_the_delay() -> None:
    assert told(Outcome.FAILED, retry_after_seconds=90.0).run_at == NOW + 90 * SECOND


def test_a_delay_of_nothing_is_pending_at_once() -> None:
    ending = told(Outcome.FAILED, retry_after_seconds=0.0)
    assert (ending.state, ending.reason, ending.run_at) == ("pending", None, NOW)
    assert ending.rank == rank(NOW, 5)


@pytest.mark.parametrize(
    ("outcome", "reason"), [(Outcome.FAILED, "error"), (Outcome.TIMEOUT, "timeout")]
)
def test_the_last_attempt_fails_for_good(outcome: Outcome, reason: str) -> None:
    ending = told(outcome, held(attempt=4))
    assert (ending.state, ending.outcome, ending.reason) == ("failed", outcome, reason)


def test_a_failure_that_is_not_retryable() -> None:
    ending = told(Outcome.FAILED, retryable=False)
    assert (ending.state, ending.reason) == ("failed", "non_retryable")


@pytest.mark.parametrize(("margin", "state"), [(0, "scheduled"), (-1, "failed")])
def test_no_retry_begins_after_retry_until(margin: int, state: str) -> None:
    options = job_options(retry_until=NOW + 2 * SECOND + margin)
    assert told(Outcome.FAILED, held(options=options)).state == state


def test_a_cancelled_job_is_not_retried() -> None:
    ending = told(Outcome.FAILED, held(cancel_requested=True))
    assert (ending.state, ending.outcome) == ("cancelled", "failed")


def test_a_handler_may_cancel() -> None:
    ending = told(Outcome.CANCELLED)
    assert (ending.state, ending.outcome) == ("cancelled", "cancelled")


def test_a_snooze_gives_the_attempt_back() -> None:
    ending = told(Outcome.SNOOZED, snooze_seconds=30.0)
    assert (ending.state, ending.outcome, ending.reason) == ("scheduled", "snoozed", "snoozed")
    assert (ending.attempt, ending.snoozes) == (0, 1)
    assert ending.run_at == NOW + 30 * SECOND
    assert ending.rank == rank(ending.run_at, 5)


@pytest.mark.parametrize("seconds", [None, 0.0, 0.2, -5.0])
def test_a_snooze_lasts_a_second_at_least(seconds: float | None) -> None:
    assert told(Outcome.SNOOZED, snooze_seconds=seconds).run_at == NOW + SECOND


def test_a_snooze_after_a_cancel_ends_the_job() -> None:
    ending = told(Outcome.SNOOZED, held(cancel_requested=True), snooze_seconds=5.0)
    assert (ending.state, ending.attempt) == ("cancelled", 1)


def test_one_snooze_too_many_is_a_failure_for_good() -> None:
    last = told(Outcome.SNOOZED, held(snoozes=MAX_SNOOZES - 1), snooze_seconds=5.0)
    assert last.state == "scheduled"
    ending = told(Outcome.SNOOZED, held(snoozes=MAX_SNOOZES), snooze_seconds=5.0)
    assert (ending.state, ending.outcome) == ("failed", "failed")
    assert ending.reason == "non_retryable"


# The sweeper ---------------------------------------------------------------------------------


def test_a_lost_job_is_pending_again_at_its_old_rank() -> None:
    job = held()
    ending = swept(job, NOW, MAX_LOST, MIDDLE)
    assert (ending.state, ending.outcome, ending.reason) == ("pending", "lost", None)
    assert (ending.rank, ending.run_at) == (job.rank, job.run_at)
    assert (ending.attempt, ending.lost) == (1, 1)


def test_lost_at_the_last_attempt() -> None:
    ending = swept(held(attempt=4), NOW, MAX_LOST, MIDDLE)
    assert (ending.state, ending.reason) == ("failed", "lost")


@pytest.mark.parametrize(("lost", "state"), [(1, "pending"), (2, "failed"), (5, "failed")])
def test_lost_too_often_is_poison(lost: int, state: str) -> None:
    ending = swept(held(lost=lost, max_attempts=100), NOW, MAX_LOST, MIDDLE)
    assert ending.state == state
    assert ending.lost == lost + 1
    assert (ending.reason == "poison") is (state == "failed")


def test_at_most_once_fails_when_lost() -> None:
    job = held(lost=2, options=job_options(on_lost=OnLost.FAIL))
    ending = swept(job, NOW, MAX_LOST, MIDDLE)
    assert (ending.state, ending.reason) == ("failed", "lost")


def test_lost_after_a_cancel_is_cancelled() -> None:
    assert swept(held(cancel_requested=True), NOW, MAX_LOST, MIDDLE).state == "cancelled"


@pytest.mark.parametrize(("late", "outcome"), [(0, "timeout"), (1, "timeout"), (-1, "lost")])
def test_past_its_deadline_a_job_timed_out(late: int, outcome: str) -> None:
    ending = swept(held(deadline_at=NOW - late), NOW, MAX_LOST, MIDDLE)
    assert ending.outcome == outcome
    assert ending.lost == (1 if outcome == "lost" else 0)


def test_a_timeout_is_retried_after_its_backoff() -> None:
    ending = swept(held(deadline_at=NOW), NOW, MAX_LOST, MIDDLE)
    assert (ending.state, ending.reason) == ("scheduled", "backoff")
    assert ending.run_at == NOW + 2 * SECOND
    last = swept(held(deadline_at=NOW, attempt=4), NOW, MAX_LOST, MIDDLE)
    assert (last.state, last.reason) == ("failed", "timeout")


# Releases ------------------------------------------------------------------------------------


def test_released_before_it_began_leaves_no_trace() -> None:
    job = held(releases=MAX_FREE_RELEASES)
    ending = released(job, started=False)
    assert (ending.state, ending.outcome) == ("pending", None)
    assert (ending.attempt, ending.releases) == (0, MAX_FREE_RELEASES)
    assert (ending.rank, ending.run_at) == (job.rank, job.run_at)


def test_released_after_it_began_is_recorded_and_free() -> None:
    ending = released(held(), started=True)
    assert (ending.state, ending.outcome) == ("pending", "released")
    assert (ending.attempt, ending.releases) == (0, 1)


@pytest.mark.parametrize(("before", "attempt"), [(9, 0), (10, 1)])
def test_the_eleventh_release_costs_an_attempt(before: int, attempt: int) -> None:
    ending = released(held(releases=before), started=True)
    assert (ending.state, ending.attempt) == ("pending", attempt)


def test_an_attempt_that_a_release_costs_may_be_the_last() -> None:
    ending = released(held(releases=MAX_FREE_RELEASES, attempt=4), started=True)
    assert (ending.state, ending.outcome, ending.reason) == ("failed", "released", "lost")


@pytest.mark.parametrize(("started", "state"), [(True, "failed"), (False, "pending")])
def test_at_most_once_fails_when_released_after_it_began(started: bool, state: str) -> None:
    job = held(options=job_options(on_lost=OnLost.FAIL))
    ending = released(job, started=started)
    assert ending.state == state


def test_released_after_a_cancel_has_a_run_of_its_own() -> None:
    ending = released(held(cancel_requested=True), started=False)
    assert (ending.state, ending.outcome, ending.attempt) == ("cancelled", "released", 1)


# All of them ---------------------------------------------------------------------------------

jobs = st.builds(
    held,
    attempt=st.integers(1, 4),
    lost=st.integers(0, 5),
    releases=st.integers(0, 12),
    snoozes=st.sampled_from([0, 1, MAX_SNOOZES]),
    deadline_at=st.sampled_from([None, NOW, NOW + SECOND]),
    cancel_requested=st.booleans(),
    options=st.builds(
        job_options,
        on_lost=st.sampled_from(OnLost),
        retry_until=st.sampled_from([None, NOW, NOW + 3 * SECOND]),
    ),
)


@given(job=jobs, started=st.booleans(), random=st.floats(0, 1, exclude_max=True), data=st.data())
def test_whatever_happens(job: Held, started: bool, random: float, data: st.DataObject) -> None:
    outcome = data.draw(st.sampled_from([o for o in Outcome if o not in ("lost", "released")]))
    after = data.draw(st.sampled_from([None, 0.0, 5.0]))
    message = report(job.job_id, outcome=outcome, retry_after_seconds=after)
    for ending in (
        reported(job, message, NOW, random),
        swept(job, NOW, MAX_LOST, random),
        released(job, started=started),
    ):
        assert ending.state is not JobState.RUNNING
        assert job.attempt - 1 <= ending.attempt <= job.attempt
        assert ending.final == (ending.state in TERMINAL)
        assert ending.outcome is not None or ending.state is JobState.PENDING
        assert ending.state is not JobState.PENDING or ending.attempt < job.max_attempts
        assert ending.state is not JobState.SCHEDULED or ending.run_at > NOW
        assert ending.state is not JobState.FAILED or ending.reason is not None
