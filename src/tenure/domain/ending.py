"""How a lease ends: from the locked row and the event to what becomes of the job.

Pure decisions; the store locks before and writes after. Instants are microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tenure.domain.clock import SECOND
from tenure.domain.job import DEFAULT_OPTIONS, STRICT_STEP, JobOptions, OnLost, Reason, rank
from tenure.domain.lifecycle import TERMINAL, Circumstances, Event, JobState, step
from tenure.domain.run import (
    MAX_FREE_RELEASES,
    MAX_SNOOZES,
    MIN_SNOOZE_SECONDS,
    Outcome,
    Report,
)


@dataclass(slots=True)
class Held:
    """A running job as its row says, locked."""

    job_id: str
    fence: int
    worker_id: str
    queue: str
    type: str
    attempt: int
    max_attempts: int
    lost: int
    releases: int
    snoozes: int
    rank: int
    run_at: int
    started_at: int
    deadline_at: int | None
    cancel_requested: bool
    progress: str | None
    ties: int
    priority: int = 0
    options: JobOptions = field(default=DEFAULT_OPTIONS)
    step: int = STRICT_STEP
    """What one step of priority counts in its queue, microseconds."""


@dataclass(slots=True)
class Ending:
    """What becomes of a held job, and the run to record (`outcome` None: no run is recorded)."""

    held: Held
    state: JobState
    outcome: Outcome | None
    reason: Reason | None = None
    error: str | None = None
    result: str | None = None
    checkpoint: str | None = None
    attempt: int = 0
    lost: int = 0
    releases: int = 0
    snoozes: int = 0
    rank: int = 0
    run_at: int = 0

    @property
    def final(self) -> bool:
        return self.state in TERMINAL


def _ending(held: Held, state: JobState, outcome: Outcome | None) -> Ending:
    return Ending(
        held,
        state,
        outcome,
        attempt=held.attempt,
        lost=held.lost,
        releases=held.releases,
        snoozes=held.snoozes,
        rank=held.rank,
        run_at=held.run_at,
    )


def _postpone(ending: Ending, run_at: int, reason: Reason) -> None:
    ending.run_at = run_at
    ending.rank = rank(run_at, ending.held.priority, ending.held.step)
    ending.reason = reason


def reported(held: Held, report: Report, now: int, random: float) -> Ending:
    """A worker's report. `random` in [0, 1) spreads the backoff."""
    if report.outcome is Outcome.COMPLETED:
        ending = _ending(held, step(JobState.RUNNING, Event.COMPLETE), Outcome.COMPLETED)
    elif report.outcome is Outcome.SNOOZED and held.snoozes < MAX_SNOOZES:
        ending = _snoozed(held, report, now)
    else:
        ending = _failed(held, report, now, random)
    ending.error, ending.result = report.error, report.result
    ending.checkpoint = report.checkpoint
    return ending


def _snoozed(held: Held, report: Report, now: int) -> Ending:
    facts = Circumstances(cancelled=held.cancel_requested)
    ending = _ending(held, step(JobState.RUNNING, Event.SNOOZE, facts), Outcome.SNOOZED)
    if ending.state is JobState.SCHEDULED:
        seconds = max(report.snooze_seconds or 0.0, MIN_SNOOZE_SECONDS)
        ending.attempt -= 1
        ending.snoozes += 1
        _postpone(ending, now + int(seconds * SECOND), Reason.SNOOZED)
    return ending


def _failed(held: Held, report: Report, now: int, random: float) -> Ending:
    cancelled = report.outcome is Outcome.CANCELLED
    timed_out = report.outcome is Outcome.TIMEOUT
    retryable = report.retryable and report.outcome is not Outcome.SNOOZED
    outcome = report.outcome if report.outcome is not Outcome.SNOOZED else Outcome.FAILED
    return _failure(
        held,
        Event.FAIL,
        outcome,
        now,
        after=report.retry_after_seconds,
        random=random,
        cancelled=cancelled,
        retryable=retryable,
        timed_out=timed_out,
    )


def _failure(
    held: Held,
    event: Event,
    outcome: Outcome,
    now: int,
    *,
    random: float,
    after: float | None = None,
    cancelled: bool = False,
    retryable: bool = True,
    timed_out: bool = False,
) -> Ending:
    options = held.options
    delay = after if after is not None else options.retry_policy.delay(held.attempt, random)
    run_at = now + int(delay * SECOND)
    too_late = options.retry_until is not None and run_at > options.retry_until
    facts = Circumstances(
        cancelled=cancelled or held.cancel_requested,
        retryable=retryable and not too_late,
        attempts_left=held.attempt < held.max_attempts,
        due_later=run_at > now,
        timed_out=timed_out,
    )
    ending = _ending(held, step(JobState.RUNNING, event, facts), outcome)
    if ending.state is JobState.FAILED:
        ending.reason = Reason.TIMEOUT if timed_out else Reason.ERROR
        if not retryable:
            ending.reason = Reason.NON_RETRYABLE
    elif ending.state in (JobState.SCHEDULED, JobState.PENDING):
        later = ending.state is JobState.SCHEDULED
        _postpone(ending, run_at, Reason.BACKOFF)
        if not later:
            ending.reason = None
    return ending


def swept(held: Held, now: int, max_lost: int, random: float) -> Ending:
    """The lease ran out. Past its timeout the outcome is `timeout`, else the job was lost."""
    if held.deadline_at is not None and now >= held.deadline_at:
        return _failure(
            held, Event.EXPIRE_LEASE, Outcome.TIMEOUT, now, random=random, timed_out=True
        )
    poison = held.lost + 1 >= max_lost
    once = held.options.on_lost is OnLost.FAIL
    facts = Circumstances(
        cancelled=held.cancel_requested,
        retryable=not (poison or once),
        attempts_left=held.attempt < held.max_attempts,
    )
    ending = _ending(held, step(JobState.RUNNING, Event.EXPIRE_LEASE, facts), Outcome.LOST)
    ending.lost += 1
    if ending.state is JobState.FAILED:
        ending.reason = Reason.POISON if poison and not once else Reason.LOST
    return ending


def released(held: Held, *, started: bool) -> Ending:
    """A worker gives the lease back. After ten started releases one costs an attempt."""
    free = not started or held.releases < MAX_FREE_RELEASES
    facts = Circumstances(
        cancelled=held.cancel_requested,
        retryable=not (started and held.options.on_lost is OnLost.FAIL),
        attempts_left=free or held.attempt < held.max_attempts,
        started=started,
    )
    state = step(JobState.RUNNING, Event.RELEASE, facts)
    # A final state needs its run, even if no handler began.
    outcome = Outcome.RELEASED if started or state in TERMINAL else None
    ending = _ending(held, state, outcome)
    if started:
        ending.releases += 1
    if state is JobState.PENDING and free:
        ending.attempt -= 1
    if state is JobState.FAILED:
        ending.reason = Reason.LOST
    return ending
