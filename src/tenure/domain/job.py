"""What was asked: a job as submitted, and the bounds of its fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag, StrEnum

from tenure.domain.edges import Edge, Join
from tenure.domain.retry import DEFAULT_RETRY_POLICY, RetryPolicy

PRIORITY_WORDS: dict[str, int] = {"high": 10, "regular": 0}
MIN_PRIORITY, MAX_PRIORITY = -100, 100
DEFAULT_QUEUE = "default"
DEFAULT_MAX_ATTEMPTS = 4
MAX_ATTEMPTS = 10_000
MAX_NAME = 200
MAX_TAGS = 32
MAX_TAG = 100
MAX_KEY = 255

STRICT_STEP = 10_000_000_000_000_000
"""Microseconds of age one unit of priority outweighs: 317 years, which is strict priority."""


class OnLost(StrEnum):
    RETRY = "retry"
    FAIL = "fail"


class Tie(IntFlag):
    """What other tables hold for an unfinished job, so that a job tied to nothing costs nothing."""

    NONE = 0
    CHECKPOINT = 1
    CHILDREN = 2
    """Jobs depend on it."""
    PARENTS = 4
    """It depends on jobs."""
    CONCURRENCY_KEY = 8
    UNIQUE_KEY = 16
    """It holds a unique key until it ends."""
    WORKFLOW = 32
    """It belongs to a workflow, which counts it."""
    QUEUE = 64
    """It runs and counts against what its queue may run; see `store.governing`."""


class UniqueScope(StrEnum):
    """How long a unique key belongs to its job."""

    ACTIVE = "active"
    """Until the job ends."""
    WINDOW = "window"
    """For a span from its submit, whatever becomes of it."""
    FOREVER = "forever"


class OnConflict(StrEnum):
    """What a submit does whose unique key belongs to another job."""

    RETURN_EXISTING = "return_existing"
    REJECT = "reject"
    REPLACE = "replace"
    """Edit the other job, if it has not started."""


@dataclass(frozen=True, slots=True)
class Unique:
    """At most one job of an owner has `key` at a time. `window_seconds` goes with its scope."""

    key: str
    scope: UniqueScope = UniqueScope.ACTIVE
    window_seconds: float | None = None
    on_conflict: OnConflict = OnConflict.RETURN_EXISTING


class Reason(StrEnum):
    """Why a job is in its state, beyond the state itself."""

    RUN_AT = "run_at"
    CONCURRENCY_KEY = "concurrency_key"
    BACKOFF = "backoff"
    SNOOZED = "snoozed"
    ERROR = "error"
    TIMEOUT = "timeout"
    LOST = "lost"
    POISON = "poison"
    NON_RETRYABLE = "non_retryable"
    DEPENDENCIES = "dependencies"
    UPSTREAM_FAILED = "upstream_failed"
    CONDITION = "condition"


def waiting_reason(state: str, edge_open: bool) -> str | None:
    """Why a job that became ready is not pending: its time, a job it depends on, or its
    concurrency key."""
    if state == "scheduled":
        return Reason.RUN_AT.value
    if state != "blocked":
        return None
    return (Reason.DEPENDENCIES if edge_open else Reason.CONCURRENCY_KEY).value


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The rules of a job that are rarely given, stored as one JSON document.

    Instants are microseconds since 1970, spans are seconds.
    """

    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY
    retry_until: int | None = None
    timeout_seconds: float | None = None
    on_lost: OnLost = OnLost.RETRY
    run_at: int | None = None
    expires_at: int | None = None
    unique: Unique | None = None
    concurrency_key: str | None = None
    traceparent: str | None = None

    @property
    def ties(self) -> Tie:
        """What other tables hold for a job with these rules."""
        ties = Tie.NONE
        if self.concurrency_key is not None:
            ties |= Tie.CONCURRENCY_KEY
        if self.unique is not None and self.unique.scope is UniqueScope.ACTIVE:
            ties |= Tie.UNIQUE_KEY
        return ties


DEFAULT_OPTIONS = JobOptions()


@dataclass(frozen=True, slots=True)
class JobSpec:
    """Everything that is asked of a job but its payload. Jobs of a batch often share one."""

    type: str
    queue: str = DEFAULT_QUEUE
    name: str | None = None
    priority: int = 0
    tags: tuple[str, ...] = ()
    options: JobOptions = DEFAULT_OPTIONS


@dataclass(slots=True)
class NewJob:
    """A validated job on its way to the store.

    `payload` is JSON text, byte for byte as it came. `digest` is the SHA-256 of the request the
    idempotency key stands for, and is given with it. `key` names the job in its workflow. `ties`
    and `waits` are set by the store.
    """

    id: str
    spec: JobSpec
    payload: str = "null"
    owner_id: str | None = None
    idempotency_key: str | None = None
    digest: str | None = None
    edges: tuple[Edge, ...] = ()
    join: Join = Join.ALL
    key: str | None = None
    ties: int = 0
    waits: int | None = None
    schedule_id: str | None = None
    nominal_at: int | None = None
    """The time of the schedule (microseconds) that the job is fired for."""


def rank(ready_at: int, priority: int, step: int = STRICT_STEP) -> int:
    """Order of claim, lower first: `ready_at - priority * step`, fits 64 bits.

    A finite `step` lets a waiting job overtake a higher priority after priority x step.
    """
    return ready_at - priority * step
