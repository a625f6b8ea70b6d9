from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.domain.clock import SECOND, rfc3339
from tenure.domain.explain import (
    MAX_AHEAD,
    Act,
    Cause,
    Fleet,
    Holder,
    Situation,
    estimated_start,
    explain,
)
from tenure.domain.job import Reason
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.domain.queue import Gate, QueueRules, Rate
from tests.builders import NOW

LATER = NOW + 90 * SECOND
FLEET = Fleet(online=1, serving=1, offering=1, slots=2)


def job(state: JobState, **facts: object) -> Situation:
    return replace(Situation(state, "mail", "send", fleet=FLEET), **facts)  # type: ignore[arg-type]


def causes(situation: Situation) -> list[Cause]:
    return [why.cause for why in explain(situation, NOW)]


def first(situation: Situation) -> str:
    return explain(situation, NOW)[0].detail


@pytest.mark.parametrize(
    ("reason", "words"),
    [("run_at", "as it was submitted"), ("backoff", "backoff"), ("snoozed", "snoozed"), (None, "")],
)
def test_a_job_that_is_not_due(reason: str | None, words: str) -> None:
    waits = job(JobState.SCHEDULED, run_at=LATER, reason=reason)
    [why] = explain(waits, NOW)
    assert (why.cause, why.at) == (Cause.NOT_DUE, LATER)
    assert why.detail.startswith(f"not due until {rfc3339(LATER)}")
    assert words in why.detail
    assert estimated_start(waits, NOW) == LATER


def test_a_job_that_became_due_this_moment() -> None:
    assert causes(job(JobState.SCHEDULED, run_at=NOW)) == [Cause.NEXT]


def test_a_job_that_waits_for_others() -> None:
    waits = job(JobState.BLOCKED, parents=4, parent_ids=("a", "b", "c", "d"), run_at=LATER)
    assert causes(waits) == [Cause.WAITS_FOR_JOBS, Cause.NOT_DUE]
    assert first(waits) == "waits for 4 jobs to end: a, b, c and others"
    assert first(replace(waits, parents=1, parent_ids=("a",))) == "waits for 1 job to end: a"
    assert estimated_start(waits, NOW) is None


def test_a_job_that_waits_for_its_key() -> None:
    waits = job(JobState.BLOCKED, key="disk", key_admitted=2, key_limit=2)
    [why] = explain(waits, NOW)
    assert (why.cause, why.number, why.limit) == (Cause.KEY_FULL, 2, 2)
    assert why.detail == "concurrency key disk: 2 of 2 in use"
    assert first(replace(waits, ahead=1)).endswith("in use, 1 job of that key ahead of it")
    assert estimated_start(waits, NOW) is None


def test_a_paused_job_also_says_what_would_hold_it_then() -> None:
    act = Act("pause", NOW, "ann", "broken upstream")
    waits = job(JobState.PAUSED, acts={"pause": act}, run_at=LATER)
    assert causes(waits) == [Cause.PAUSED, Cause.NOT_DUE]
    assert first(waits) == f"paused by ann at {rfc3339(NOW)}: broken upstream"
    assert (explain(waits, NOW)[0].actor, explain(waits, NOW)[0].comment) == (
        "ann",
        "broken upstream",
    )
    assert first(job(JobState.PAUSED)) == "paused"


@pytest.mark.parametrize(
    ("fleet", "words"),
    [
        (Fleet(), "no worker is online"),
        (Fleet(online=2), "no worker online serves queue mail"),
        (Fleet(online=2, serving=2), "no worker online offers send on queue mail"),
        (Fleet(2, 2, 1, draining=1), "every worker that offers send on queue mail drains"),
    ],
)
def test_nobody_would_take_it(fleet: Fleet, words: str) -> None:
    waits = job(JobState.PENDING, fleet=fleet, ahead=2)
    assert causes(waits) == [Cause.NO_WORKER, Cause.JOBS_AHEAD]
    assert first(waits) == words
    assert causes(job(JobState.PENDING, fleet=fleet)) == [Cause.NO_WORKER]
    assert estimated_start(waits, NOW) is None


def test_jobs_ahead_and_slots() -> None:
    assert causes(job(JobState.PENDING)) == [Cause.NEXT]
    assert first(job(JobState.PENDING, ahead=1)) == "1 job is ahead of it"
    assert first(job(JobState.PENDING, ahead=1234)) == "1,234 jobs are ahead of it"
    many = job(JobState.PENDING, ahead=MAX_AHEAD + 1)
    assert first(many) == "more than 10,000 jobs are ahead of it"
    full = job(JobState.PENDING, ahead=1, fleet=replace(FLEET, held=2))
    assert causes(full) == [Cause.NO_FREE_SLOT, Cause.JOBS_AHEAD]
    assert first(full) == "all 2 slots of 1 worker are taken"


def test_the_estimate_comes_from_free_slots_or_recent_starts() -> None:
    assert estimated_start(job(JobState.PENDING, ahead=1), NOW) == NOW
    waits = job(JobState.PENDING, ahead=9, starts_per_second=2.0)
    assert estimated_start(waits, NOW) == NOW + 5 * SECOND
    assert estimated_start(replace(waits, starts_per_second=0.0), NOW) is None
    assert estimated_start(replace(waits, ahead=MAX_AHEAD + 1), NOW) is None


def test_a_job_that_may_expire_says_so_until_it_has_started() -> None:
    waits = job(JobState.PENDING, expires_at=LATER)
    assert causes(waits) == [Cause.NEXT, Cause.EXPIRES]
    assert causes(replace(waits, attempt=1)) == [Cause.NEXT]


def running(**facts: object) -> Situation:
    told = {
        "holder": Holder("w1", "crunch", "online", NOW), "lease_expires_at": LATER,
        "started_at": NOW, "attempt": 2, "max_attempts": 4,
    } | facts  # fmt: skip
    return job(JobState.RUNNING, **told)


def test_a_running_job() -> None:
    [why] = explain(running(), NOW)
    assert why.detail == (
        f"runs on worker crunch since {rfc3339(NOW)}, attempt 2 of 4, lease until {rfc3339(LATER)}"
    )
    assert (why.cause, why.at, why.worker_id) == (Cause.RUNNING, LATER, "w1")
    assert first(running(holder=None)).startswith("runs on a worker since")
    assert estimated_start(running(), NOW) is None


def test_a_lease_that_is_overdue_and_why() -> None:
    silent = explain(running(lease_expires_at=NOW - 1), NOW)[1]
    assert silent.cause is Cause.LEASE_OVERDUE
    assert f"worker crunch was last heard of at {rfc3339(NOW)}" in silent.detail
    late = explain(running(lease_expires_at=NOW - 1, deadline_at=NOW - 1), NOW)[1]
    assert "its timeout has passed" in late.detail
    gone = explain(running(lease_expires_at=NOW - 1, holder=None), NOW)[1]
    assert "a worker is not known any more" in gone.detail


def test_a_running_job_that_shall_stop() -> None:
    act = Act("cancel", NOW, "ann", None)
    stops = running(cancel_requested=True, acts={"cancel": act})
    assert causes(stops) == [Cause.RUNNING, Cause.CANCEL_REQUESTED]
    assert "cancel was requested by ann at" in explain(stops, NOW)[1].detail
    assert causes(running(cancel_requested=True)) == [Cause.RUNNING, Cause.CANCEL_REQUESTED]


def ended(state: JobState, **facts: object) -> str:
    told = {"finished_at": NOW, "attempt": 2, "max_attempts": 2} | facts
    [why] = explain(job(state, **told), NOW)
    assert (why.cause, why.at) == (Cause.ENDED, NOW)
    assert why.detail.startswith(f"{state} at {rfc3339(NOW)}")
    return why.detail.removeprefix(f"{state} at {rfc3339(NOW)}")


@pytest.mark.parametrize(
    ("reason", "attempt", "words"),
    [
        (Reason.ERROR, 2, "attempt 2 of 2 failed"),
        (Reason.ERROR, 1, "attempt 1 of 2 failed, and another would begin after its retry_until"),
        (Reason.TIMEOUT, 2, "attempt 2 of 2 took longer than its timeout"),
        (Reason.LOST, 2, "the worker of attempt 2 of 2 was lost"),
        (Reason.LOST, 1, "the worker of attempt 1 of 2 was lost, and on_lost is fail"),
        (Reason.POISON, 2, "its lease was lost 3 times"),
        (
            Reason.NON_RETRYABLE,
            1,
            "attempt 1 of 2 failed, and its handler said that it must not be run again",
        ),
    ],
)
def test_why_a_job_failed(reason: Reason, attempt: int, words: str) -> None:
    told = ended(JobState.FAILED, reason=reason, attempt=attempt, lost=3, error="E: m")
    assert told == f": {words} (E: m)"


def test_why_a_job_ended_otherwise() -> None:
    act = Act("cancel", NOW, "ann", "enough")
    assert ended(JobState.COMPLETED) == " by attempt 2 of 2"
    assert ended(JobState.CANCELLED, acts={"cancel": act}) == f" by ann at {rfc3339(NOW)}: enough"
    assert ended(JobState.CANCELLED) == ": its handler raised Cancel"
    assert "before it started" in ended(JobState.EXPIRED, expires_at=LATER)
    assert ended(JobState.SKIPPED, parent_ids=("a", "b")).endswith("as it needs: a, b")


def test_a_job_of_a_schedule() -> None:
    [_, why] = explain(job(JobState.PENDING, schedule_id="s", nominal_at=LATER), NOW)
    assert (why.cause, why.at, why.schedule_id) == (Cause.OF_SCHEDULE, LATER, "s")
    assert why.detail == f"schedule s submitted it for {rfc3339(LATER)}"


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_has_a_reason(state: JobState) -> None:
    bare = Situation(state, "q", "t")
    assert explain(bare, NOW)
    assert (explain(bare, NOW)[0].cause is Cause.ENDED) == (state in TERMINAL)


def test_a_job_of_a_paused_queue() -> None:
    gate = Gate(QueueRules(), paused_at=NOW - SECOND, paused_by="ann", pause_reason="flood")
    waits = job(JobState.PENDING, gate=gate)
    why = explain(waits, NOW)[0]
    assert (why.cause, why.at, why.actor) == (Cause.QUEUE_PAUSED, NOW - SECOND, "ann")
    assert why.detail == f"queue mail is paused by ann at {rfc3339(NOW - SECOND)}: flood"
    assert estimated_start(waits, NOW) is None
    assert causes(waits) == [Cause.QUEUE_PAUSED]
    later = job(JobState.SCHEDULED, gate=gate, run_at=LATER)
    assert causes(later) == [Cause.NOT_DUE, Cause.QUEUE_PAUSED]


def test_a_job_of_a_full_queue() -> None:
    full = job(JobState.PENDING, gate=Gate(QueueRules(max_running=2), in_use=2), ahead=3)
    assert causes(full) == [Cause.QUEUE_FULL, Cause.JOBS_AHEAD]
    assert first(full) == "queue mail: 2 of 2 running"
    assert estimated_start(full, NOW) is None
    assert causes(replace(full, gate=Gate(QueueRules(max_running=3), in_use=2), ahead=0)) == [
        Cause.NEXT
    ]


def test_a_job_of_a_queue_whose_rate_is_used_up() -> None:
    rate = Rate(10, SECOND)
    used = Gate(QueueRules(rate=rate), rate_at=NOW + SECOND)
    waits = job(JobState.PENDING, gate=used)
    [why] = explain(waits, NOW)
    at = NOW + SECOND // 10
    assert (why.cause, why.at, why.limit) == (Cause.QUEUE_RATE, at, 10)
    assert why.detail == f"queue mail starts 10 in 1 s: the next at {rfc3339(at)}"
    assert estimated_start(waits, NOW) == at
    assert causes(replace(waits, gate=replace(used, rate_at=NOW))) == [Cause.NEXT]
