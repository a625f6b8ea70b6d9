"""Why a job is where it is: from facts to reasons. Pure; instants are microseconds.

The facts are those that the store's own verbs look at: the state, the clock, open edges, and for a
pending job the ready index and the workers that may claim it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from tenure.domain.clock import SECOND, rfc3339
from tenure.domain.job import Reason
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.domain.queue import UNTOUCHED, Gate

MAX_AHEAD = 10_000
"""Jobs ahead are counted up to here."""
MAX_NAMED = 10
"""Jobs that are named where there may be many."""


class Cause(StrEnum):
    """The kinds of reason. Stable: programs may act on them."""

    NOT_DUE = "not_due"
    WAITS_FOR_JOBS = "waits_for_jobs"
    KEY_FULL = "key_full"
    QUEUE_PAUSED = "queue_paused"
    QUEUE_FULL = "queue_full"
    QUEUE_RATE = "queue_rate"
    PAUSED = "paused"
    NO_WORKER = "no_worker"
    NO_FREE_SLOT = "no_free_slot"
    JOBS_AHEAD = "jobs_ahead"
    NEXT = "next"
    RUNNING = "running"
    LEASE_OVERDUE = "lease_overdue"
    CANCEL_REQUESTED = "cancel_requested"
    EXPIRES = "expires"
    OF_SCHEDULE = "of_schedule"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Why:
    """One reason in words, and what of it a program can use.

    `at`: the instant it is about; `number` of `limit`: a count and its bound; `actor` with
    `comment`: who did it and what they gave as their reason.
    """

    cause: Cause
    detail: str
    at: int | None = None
    number: int | None = None
    limit: int | None = None
    actor: str | None = None
    comment: str | None = None
    job_ids: tuple[str, ...] = ()
    worker_id: str | None = None
    schedule_id: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did, or the coordinator (`actor` None)."""

    event: str
    at: int
    actor: str | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class Holder:
    """The worker of a running job, as far as it is known."""

    id: str
    name: str | None
    state: str | None
    last_seen_at: int | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """The workers online: all of them, those that serve the queue, and those that would take the
    job, with the slots of these and how many hold a lease. `draining` of those take no more."""

    online: int = 0
    serving: int = 0
    offering: int = 0
    draining: int = 0
    slots: int = 0
    held: int = 0


@dataclass(slots=True)
class Situation:
    """What there is to know of a job. What its state does not need is left as it stands here.

    `ahead`: claimable jobs that the same workers take before it, MAX_AHEAD + 1 for more;
    `starts_per_second`: how fast they lately started jobs. `parents`: the jobs it waits for, or,
    once it is skipped, those it was skipped for; `parent_ids` names the first of them. `key`: the
    concurrency key it waits for; `ahead` then counts the jobs that it admits before. `gate`: what
    is set for its queue, and how much of that is in use.
    """

    state: JobState
    queue: str
    type: str
    reason: str | None = None
    run_at: int = 0
    expires_at: int | None = None
    attempt: int = 0
    max_attempts: int = 1
    lost: int = 0
    started_at: int | None = None
    finished_at: int | None = None
    lease_expires_at: int | None = None
    deadline_at: int | None = None
    cancel_requested: bool = False
    error: str | None = None
    holder: Holder | None = None
    acts: dict[str, Act] = field(default_factory=dict)
    schedule_id: str | None = None
    nominal_at: int | None = None
    key: str | None = None
    key_admitted: int = 0
    key_limit: int = 0
    gate: Gate = UNTOUCHED
    parents: int = 0
    parent_ids: tuple[str, ...] = ()
    fleet: Fleet = Fleet()
    ahead: int = 0
    starts_per_second: float = 0.0


def explain(job: Situation, now: int) -> list[Why]:
    """The reasons, the one that decides first. Never empty."""
    if job.state in TERMINAL:
        found = [_ended(job)]
    elif job.state is JobState.RUNNING:
        found = _running(job, now)
    else:
        found = _waiting(job, now)
    if job.schedule_id is not None:
        when = "" if job.nominal_at is None else f" for {rfc3339(job.nominal_at)}"
        told = f"schedule {job.schedule_id} submitted it{when}"
        found.append(Why(Cause.OF_SCHEDULE, told, at=job.nominal_at, schedule_id=job.schedule_id))
    return found


def _waiting(job: Situation, now: int) -> list[Why]:
    found: list[Why] = []
    if job.state is JobState.PAUSED:
        found.append(_paused(job))
    if job.parents:
        found.append(_waits_for_jobs(job))
    if job.run_at > now:
        found.append(_not_due(job))
    if job.key is not None:
        found.append(_key_full(job))
    if job.gate.paused:
        found.append(_queue_paused(job))
    if job.state is JobState.PENDING:
        found += _pending(job, now)
    if job.expires_at is not None and job.attempt == 0:
        told = f"it expires if no attempt has begun by {rfc3339(job.expires_at)}"
        found.append(Why(Cause.EXPIRES, told, at=job.expires_at))
    return found or [Why(Cause.NEXT, "it is due, the coordinator is about to make it pending")]


def estimated_start(job: Situation, now: int) -> int | None:
    """When the job is likely to start; None where nobody can know.

    From the time it is due, or from the jobs ahead and how fast jobs lately started.
    """
    if job.state is JobState.SCHEDULED:
        return max(job.run_at, now)
    if job.state is not JobState.PENDING or _takers(job.fleet) == 0 or job.gate.paused:
        return None
    if not job.gate.room(now, 1):
        return None if job.gate.full or job.ahead else job.gate.next_start_at(now)
    if job.fleet.slots - job.fleet.held > job.ahead:
        return now
    if job.ahead > MAX_AHEAD or job.starts_per_second <= 0:
        return None
    return now + int((job.ahead + 1) / job.starts_per_second * SECOND)


_DELAYS = {
    Reason.RUN_AT.value: "as it was submitted",
    Reason.BACKOFF.value: "the backoff after a failed attempt",
    Reason.SNOOZED.value: "its handler snoozed it",
}


def _not_due(job: Situation) -> Why:
    why = _DELAYS.get(job.reason or "", "its time")
    return Why(Cause.NOT_DUE, f"not due until {rfc3339(job.run_at)}: {why}", at=job.run_at)


def _waits_for_jobs(job: Situation) -> Why:
    named = ", ".join(job.parent_ids[:3])
    more = " and others" if job.parents > 3 else ""
    told = f"waits for {_count(job.parents, 'job')} to end: {named}{more}"
    return Why(Cause.WAITS_FOR_JOBS, told, number=job.parents, job_ids=job.parent_ids)


def _key_full(job: Situation) -> Why:
    told = f"concurrency key {job.key}: {job.key_admitted:,} of {job.key_limit:,} in use"
    if job.ahead:
        told += f", {_number(job.ahead)} of that key ahead of it"
    return Why(Cause.KEY_FULL, told, number=job.key_admitted, limit=job.key_limit)


def _paused(job: Situation) -> Why:
    act = job.acts.get("pause")
    at = None if act is None else act.at
    actor, comment = (None, None) if act is None else (act.actor, act.comment)
    return Why(Cause.PAUSED, f"paused{_by(act)}", at=at, actor=actor, comment=comment)


def _queue_paused(job: Situation) -> Why:
    gate = job.gate
    by = "" if gate.paused_at is None else f" at {rfc3339(gate.paused_at)}"
    comment = "" if gate.pause_reason is None else f": {gate.pause_reason}"
    return Why(
        Cause.QUEUE_PAUSED,
        f"queue {job.queue} is paused by {gate.paused_by or 'the coordinator'}{by}{comment}",
        at=gate.paused_at,
        actor=gate.paused_by,
        comment=gate.pause_reason,
    )


def _held_by_queue(job: Situation, now: int) -> list[Why]:
    """What its queue's bounds say to a pending job now."""
    gate, rules = job.gate, job.gate.rules
    found: list[Why] = []
    if gate.full:
        told = f"queue {job.queue}: {gate.in_use:,} of {rules.max_running:,} running"
        found.append(Why(Cause.QUEUE_FULL, told, number=gate.in_use, limit=rules.max_running))
    if rules.rate is not None and not rules.rate.tokens(gate.rate_at, now):
        at, span = gate.next_start_at(now), f"{rules.rate.interval / SECOND:g} s"
        told = f"queue {job.queue} starts {rules.rate.count:,} in {span}: the next at {rfc3339(at)}"
        found.append(Why(Cause.QUEUE_RATE, told, at=at, limit=rules.rate.count))
    return found


def _pending(job: Situation, now: int) -> list[Why]:
    found = _held_by_queue(job, now)
    held = bool(found) or job.gate.paused
    fleet = job.fleet
    if _takers(fleet) == 0:
        found.append(Why(Cause.NO_WORKER, _nobody(job), number=fleet.draining))
    elif fleet.held >= fleet.slots:
        told = f"all {_count(fleet.slots, 'slot')} of {_count(fleet.offering, 'worker')} are taken"
        found.append(Why(Cause.NO_FREE_SLOT, told, number=fleet.held, limit=fleet.slots))
    if job.ahead:
        verb = "are" if job.ahead > 1 else "is"
        told = f"{_number(job.ahead)} {verb} ahead of it"
        found.append(Why(Cause.JOBS_AHEAD, told, number=job.ahead))
    elif _takers(fleet) and not held:
        found.append(Why(Cause.NEXT, "it is the next to be leased"))
    return found


def _takers(fleet: Fleet) -> int:
    return fleet.offering - fleet.draining


def _nobody(job: Situation) -> str:
    """Why no worker would take the job."""
    fleet = job.fleet
    if fleet.offering:
        return f"every worker that offers {job.type} on queue {job.queue} drains"
    if not fleet.online:
        return "no worker is online"
    if not fleet.serving:
        return f"no worker online serves queue {job.queue}"
    return f"no worker online offers {job.type} on queue {job.queue}"


def _running(job: Situation, now: int) -> list[Why]:
    holder, until = job.holder, job.lease_expires_at
    name = "a worker" if holder is None else f"worker {holder.name or holder.id}"
    worker_id = None if holder is None else holder.id
    lease = "" if until is None else f", lease until {rfc3339(until)}"
    since = "" if job.started_at is None else f" since {rfc3339(job.started_at)}"
    told = f"runs on {name}{since}, attempt {job.attempt} of {job.max_attempts}{lease}"
    found = [
        Why(
            Cause.RUNNING,
            told,
            at=until,
            worker_id=worker_id,
            number=job.attempt,
            limit=job.max_attempts,
        )
    ]
    if until is not None and until < now:
        timed_out = job.deadline_at is not None and until >= job.deadline_at
        why = "its timeout has passed" if timed_out else f"{name} {_silence(holder)}"
        told = f"the lease is overdue and will be reclaimed: {why}"
        found.append(Why(Cause.LEASE_OVERDUE, told, at=until, worker_id=worker_id))
    if job.cancel_requested:
        act = job.acts.get("cancel")
        told = f"cancel was requested{_by(act)}; its worker has been or will be told"
        at, actor, comment = (None, None, None) if act is None else (act.at, act.actor, act.comment)
        found.append(Why(Cause.CANCEL_REQUESTED, told, at=at, actor=actor, comment=comment))
    return found


def _silence(holder: Holder | None) -> str:
    if holder is None or holder.last_seen_at is None:
        return "is not known any more"
    return f"was last heard of at {rfc3339(holder.last_seen_at)}"


def _ended(job: Situation) -> Why:
    when = "" if job.finished_at is None else f" at {rfc3339(job.finished_at)}"
    act = None
    if job.state is JobState.CANCELLED:
        act = job.acts.get("cancel") or job.acts.get("delete")
    return Why(
        Cause.ENDED,
        f"{job.state}{when}{_how(job, act)}",
        at=job.finished_at,
        actor=None if act is None else act.actor,
        comment=job.reason if act is None else act.comment,
        job_ids=job.parent_ids,
        number=job.attempt,
        limit=job.max_attempts,
    )


def _failure(job: Situation) -> str:
    """What ended a failed job, and why there was no further attempt."""
    which = f"attempt {job.attempt} of {job.max_attempts}"
    left = job.attempt < job.max_attempts
    if job.reason == Reason.POISON:
        return f"its lease was lost {job.lost} times"
    if job.reason == Reason.NON_RETRYABLE:
        return f"{which} failed, and its handler said that it must not be run again"
    if job.reason == Reason.LOST:
        return f"the worker of {which} was lost" + (", and on_lost is fail" if left else "")
    what = "took longer than its timeout" if job.reason == Reason.TIMEOUT else "failed"
    return f"{which} {what}" + (", and another would begin after its retry_until" if left else "")


def _how(job: Situation, act: Act | None) -> str:
    if job.state is JobState.COMPLETED:
        return f" by attempt {job.attempt} of {job.max_attempts}"
    if job.state is JobState.CANCELLED:
        return _by(act) or ": its handler raised Cancel"
    if job.state is JobState.EXPIRED:
        until = "" if job.expires_at is None else f" ({rfc3339(job.expires_at)})"
        return f": its expires_at passed{until} before it started"
    if job.state is JobState.SKIPPED:
        named = f": {', '.join(job.parent_ids[:3])}" if job.parent_ids else ""
        return f": the jobs it depends on did not end as it needs{named}"
    return f": {_failure(job)}" + ("" if job.error is None else f" ({job.error})")


def _by(act: Act | None) -> str:
    if act is None:
        return ""
    comment = "" if act.comment is None else f": {act.comment}"
    return f" by {act.actor or 'the coordinator'} at {rfc3339(act.at)}{comment}"


def _number(ahead: int) -> str:
    many = ahead > MAX_AHEAD
    return f"more than {MAX_AHEAD:,} jobs" if many else _count(ahead, "job")


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")
