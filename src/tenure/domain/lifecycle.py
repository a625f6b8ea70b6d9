"""The life of a job in one table.

`TRANSITIONS` is the only place that says which event leads from which state to which. The store's
guards come from `sources`, the diagram in the docs from `mermaid`, and a test walks every pair of
state and event on both databases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tenure.domain.errors import IllegalTransition


class JobState(StrEnum):
    SCHEDULED = "scheduled"
    BLOCKED = "blocked"
    PENDING = "pending"
    PAUSED = "paused"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class Event(StrEnum):
    UNBLOCK = "unblock"
    PROMOTE = "promote"
    CLAIM = "claim"
    COMPLETE = "complete"
    FAIL = "fail"
    EXPIRE_LEASE = "expire_lease"
    RELEASE = "release"
    SNOOZE = "snooze"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    EXPIRE = "expire"
    SKIP = "skip"
    RETRY = "retry"


ALIASES: dict[str, JobState] = {
    "queued": JobState.PENDING,
    "in-progress": JobState.RUNNING,
    "in_progress": JobState.RUNNING,
    "dead": JobState.FAILED,
    "stopped": JobState.CANCELLED,
}
"""Words of earlier systems accepted where a state is asked for, in any case."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a choice looks at. Every field is a fact the store knows about the job and the event."""

    edge_open: bool = False
    """A job it depends on has not finished."""
    due_later: bool = False
    """`run_at` (after a failure: the end of the backoff) is ahead."""
    key_full: bool = False
    """Its concurrency key admits no further job."""
    cancelled: bool = False
    """Cancel was requested, or the handler raised Cancel."""
    attempts_left: bool = True
    retryable: bool = True
    """False after Fail, after `retry_until`, or with `on_lost=fail` once started."""
    timed_out: bool = False
    """The lease was swept past the job's timeout."""
    started: bool = False
    """The job was claimed at least once."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A target that depends on circumstances; `targets` lists all it can give."""

    targets: tuple[JobState, ...]
    decide: Callable[[Circumstances], JobState]


def _ready(facts: Circumstances) -> JobState:
    if facts.edge_open:
        return JobState.BLOCKED
    if facts.due_later:
        return JobState.SCHEDULED
    return JobState.BLOCKED if facts.key_full else JobState.PENDING


def _after_failure(facts: Circumstances) -> JobState:
    if facts.cancelled:
        return JobState.CANCELLED
    if not (facts.retryable and facts.attempts_left):
        return JobState.FAILED
    return JobState.SCHEDULED if facts.due_later else JobState.PENDING


def _after_release(facts: Circumstances) -> JobState:
    if facts.cancelled:
        return JobState.CANCELLED
    return JobState.PENDING if facts.retryable and facts.attempts_left else JobState.FAILED


def _after_snooze(facts: Circumstances) -> JobState:
    return JobState.CANCELLED if facts.cancelled else JobState.SCHEDULED


READY = Choice((JobState.BLOCKED, JobState.SCHEDULED, JobState.PENDING), _ready)
_FAILURE = Choice(
    (JobState.SCHEDULED, JobState.PENDING, JobState.FAILED, JobState.CANCELLED), _after_failure
)
_RELEASE = Choice((JobState.PENDING, JobState.FAILED, JobState.CANCELLED), _after_release)
_SNOOZE = Choice((JobState.SCHEDULED, JobState.CANCELLED), _after_snooze)

_S, _E = JobState, Event
TRANSITIONS: dict[tuple[JobState, Event], JobState | Choice] = {
    (_S.BLOCKED, _E.UNBLOCK): READY,
    (_S.SCHEDULED, _E.PROMOTE): READY,
    (_S.PENDING, _E.CLAIM): _S.RUNNING,
    (_S.RUNNING, _E.COMPLETE): _S.COMPLETED,
    (_S.RUNNING, _E.FAIL): _FAILURE,
    (_S.RUNNING, _E.EXPIRE_LEASE): _FAILURE,
    (_S.RUNNING, _E.RELEASE): _RELEASE,
    (_S.RUNNING, _E.SNOOZE): _SNOOZE,
    (_S.SCHEDULED, _E.CANCEL): _S.CANCELLED,
    (_S.BLOCKED, _E.CANCEL): _S.CANCELLED,
    (_S.PENDING, _E.CANCEL): _S.CANCELLED,
    (_S.PAUSED, _E.CANCEL): _S.CANCELLED,
    (_S.RUNNING, _E.CANCEL): _S.RUNNING,
    (_S.SCHEDULED, _E.PAUSE): _S.PAUSED,
    (_S.BLOCKED, _E.PAUSE): _S.PAUSED,
    (_S.PENDING, _E.PAUSE): _S.PAUSED,
    (_S.PAUSED, _E.RESUME): READY,
    (_S.SCHEDULED, _E.EXPIRE): _S.EXPIRED,
    (_S.BLOCKED, _E.EXPIRE): _S.EXPIRED,
    (_S.PENDING, _E.EXPIRE): _S.EXPIRED,
    (_S.PAUSED, _E.EXPIRE): _S.EXPIRED,
    (_S.BLOCKED, _E.SKIP): _S.SKIPPED,
    (_S.PAUSED, _E.SKIP): _S.SKIPPED,
    (_S.COMPLETED, _E.RETRY): READY,
    (_S.FAILED, _E.RETRY): READY,
    (_S.CANCELLED, _E.RETRY): READY,
    (_S.SKIPPED, _E.RETRY): READY,
    (_S.EXPIRED, _E.RETRY): READY,
}

TERMINAL: frozenset[JobState] = frozenset(
    state for state in JobState if {e for s, e in TRANSITIONS if s == state} == {Event.RETRY}
)
ACTIVE: frozenset[JobState] = frozenset(JobState) - TERMINAL


_WORDS: dict[Event, str] = {
    Event.CANCEL: "be cancelled",
    Event.PAUSE: "be paused",
    Event.RESUME: "be resumed",
    Event.RETRY: "be retried",
}


def step(state: JobState, event: Event, facts: Circumstances | None = None) -> JobState:
    """The state after `event`. Raises IllegalTransition when the table has no such pair."""
    target = TRANSITIONS.get((state, event))
    if target is None:
        raise IllegalTransition(f"a job that is {state} cannot {_WORDS.get(event, event)}")
    if isinstance(target, Choice):
        return target.decide(facts or Circumstances())
    return target


def ready(facts: Circumstances) -> JobState:
    """Where a new job starts: blocked, scheduled or pending."""
    return _ready(facts)


def sources(event: Event) -> frozenset[JobState]:
    """The states from which `event` is legal."""
    return frozenset(state for state, candidate in TRANSITIONS if candidate == event)


def parse_state(word: str) -> JobState:
    """A state by its name or an earlier system's word, any case. Raises ValueError."""
    lowered = word.strip().lower()
    return ALIASES.get(lowered) or JobState(lowered)


def mermaid() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {state}" for state in READY.targets]
    for (state, event), target in TRANSITIONS.items():
        targets = target.targets if isinstance(target, Choice) else (target,)
        lines += [f"    {state} --> {goal}: {event}" for goal in targets]
    lines += [f"    {state} --> [*]" for state in JobState if state in TERMINAL]
    return "\n".join(lines) + "\n"
