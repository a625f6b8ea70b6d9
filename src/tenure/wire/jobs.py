"""Jobs over HTTP: what a caller sends, what comes back."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from tenure.domain import job as domain
from tenure.domain import trace
from tenure.domain.edges import MAX_PARENTS, Condition, Join
from tenure.domain.retry import RetryPolicy, Strategy, parse_strategy
from tenure.wire.base import (
    Id,
    Input,
    Instant,
    Number,
    Output,
    Reason,
    Seconds,
    Text,
    Time,
    Word,
)


def _priority(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be an integer")  # noqa: TRY004 - pydantic catches only ValueError
    if isinstance(value, str):
        try:
            return domain.PRIORITY_WORDS[value.strip().lower()]
        except KeyError:
            raise ValueError("must be an integer from -100 to 100, High or Regular") from None
    return value


def _strategy(value: Any) -> Strategy:
    try:
        return parse_strategy(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be exponential, linear or fixed") from None


def _traceparent(value: str) -> str:
    if not trace.valid(value):
        raise ValueError("must be a W3C traceparent: 00-<32 hex>-<16 hex>-<2 hex>, lower case")
    return value


Priority = Annotated[
    int,
    BeforeValidator(_priority),
    Field(ge=domain.MIN_PRIORITY, le=domain.MAX_PRIORITY, strict=True),
]
Tag = Annotated[Text, Field(min_length=1, max_length=domain.MAX_TAG)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=domain.MAX_TAGS)]
Name = Annotated[Text, Field(min_length=1, max_length=domain.MAX_NAME)]
Key = Annotated[Text, Field(min_length=1, max_length=domain.MAX_KEY)]
Traceparent = Annotated[str, AfterValidator(_traceparent)]
Count = Annotated[int, Field(ge=0, le=domain.MAX_ATTEMPTS, strict=True)]


class RetryPolicyIn(Input):
    """How long a job waits after a failure. Delays in seconds, `jitter` a share of the delay."""

    strategy: Annotated[Strategy, BeforeValidator(_strategy)] = Strategy.EXPONENTIAL
    initial_delay_seconds: Seconds = 2.0
    multiplier: Annotated[Number, Field(ge=1, le=1000)] = 2.0
    max_delay_seconds: Seconds = 3600.0
    jitter: Annotated[Number, Field(ge=0, le=1)] = 0.2

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {"strategy": value} if isinstance(value, str) else value

    def to_domain(self) -> RetryPolicy:
        return RetryPolicy(
            self.strategy,
            self.initial_delay_seconds,
            self.multiplier,
            self.max_delay_seconds,
            self.jitter,
        )


def _describe_payload(schema: dict[str, Any]) -> None:
    schema["properties"]["payload"] = {
        "description": "Any JSON, stored and returned byte for byte."
    }


class UniqueIn(Input):
    """At most one job of an owner has `key` at a time. `scope`: until the job ends (`active`), for
    `window_seconds` from its submit (`window`), or `forever`. `on_conflict`: answer with the job
    that has the key, refuse with 409 (`reject`), or edit that job if it has not started
    (`replace`)."""

    key: Key
    scope: domain.UniqueScope = domain.UniqueScope.ACTIVE
    window_seconds: Annotated[Seconds, Field(gt=0)] | None = None
    on_conflict: domain.OnConflict = domain.OnConflict.RETURN_EXISTING

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {"key": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _window(self) -> Self:
        if (self.scope is domain.UniqueScope.WINDOW) != (self.window_seconds is not None):
            raise ValueError("window_seconds goes with scope window, and only with it")
        return self

    def to_domain(self) -> domain.Unique:
        return domain.Unique(self.key, self.scope, self.window_seconds, self.on_conflict)


class _Asked(Input):
    """The fields that a submit and an edit share."""

    travelling = ("payload",)
    model_config = ConfigDict(json_schema_extra=_describe_payload)

    name: Name | None = None
    priority: Priority = 0
    tags: Tags = ()
    max_retries: Count | None = None
    max_attempts: Annotated[Count, Field(ge=1)] | None = None
    retry_policy: RetryPolicyIn | None = None
    retry_until: Instant | None = None
    timeout_seconds: Annotated[Seconds, Field(gt=0)] | None = None
    expires_at: Instant | None = None
    on_lost: domain.OnLost = domain.OnLost.RETRY
    run_at: Instant | None = None
    delay_seconds: Seconds | None = None
    concurrency_key: Key | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.run_at is not None and self.delay_seconds is not None:
            raise ValueError("give run_at or delay_seconds, not both")
        if (
            self.max_attempts is not None
            and self.max_retries is not None
            and self.max_attempts != self.max_retries + 1
        ):
            raise ValueError("max_attempts is max_retries + 1: give one of them")
        return self


class DependencyIn(Input):
    """A job to wait for; the id alone stands for one with `on` success."""

    job_id: Id
    on: Condition = Condition.SUCCESS

    @model_validator(mode="before")
    @classmethod
    def _id(cls, value: Any) -> Any:
        return {"job_id": value} if isinstance(value, str) else value


class LeaseIn(Input):
    """The running job that submits another, by job and fence."""

    job_id: Id
    fence: Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)]


class JobIn(_Asked):
    """A job to submit, without `payload`, which travels beside it byte for byte.

    `parent` says that a running job submits it; `key` then names it in the workflow of that job.
    """

    type: Word
    queue: Word = domain.DEFAULT_QUEUE
    idempotency_key: Key | None = None
    unique: UniqueIn | None = None
    traceparent: Traceparent | None = None
    depends_on: Annotated[tuple[DependencyIn, ...], Field(max_length=MAX_PARENTS)] = ()
    join: Join = Join.ALL
    parent: LeaseIn | None = None
    key: Key | None = None

    @model_validator(mode="after")
    def _key_of_parent(self) -> Self:
        if self.key is not None and self.parent is None:
            raise ValueError("key names a job that a running job submits: give parent too")
        if len({item.job_id for item in self.depends_on}) < len(self.depends_on):
            raise ValueError("depends_on names a job twice")
        return self


class JobEdit(_Asked):
    """An edit. Only the fields that are present change; null sets a field back to its default."""

    type: Word | None = None
    queue: Word | None = None
    version: Annotated[int, Field(ge=1, strict=True)] | None = None


class ActionIn(Input):
    """The optional body of cancel, retry, pause and resume."""

    reason: Reason | None = None


class ErrorOut(Output, kw_only=True):
    """Why an attempt failed."""

    type: str
    message: str
    traceback: str | None = None


class ProgressOut(Output, kw_only=True):
    fraction: float | None = None
    message: str | None = None


class Dependency(Output, kw_only=True):
    """A job that another waits for."""

    job_id: str
    on: str


class RetryPolicyOut(Output, kw_only=True):
    strategy: str
    initial_delay_seconds: float
    multiplier: float
    max_delay_seconds: float
    jitter: float


class UniqueOut(Output, kw_only=True):
    key: str
    scope: str
    window_seconds: float | None = None
    on_conflict: str


class Job(Output, kw_only=True):
    """A job with its current state. `payload` and `result` are any JSON.

    `key` is its name in its workflow. `depends_on` and `join` are told of one job only: null in
    lists and in answers to actions.
    """

    id: str
    name: str | None = None
    type: str
    queue: str
    status: str
    reason: str | None = None
    priority: int
    payload: Any = None
    result: Any = None
    error: ErrorOut | None = None
    attempt: int
    max_attempts: int
    lost: int = 0
    progress: ProgressOut | None = None
    tags: list[str]
    run_at: Time | None = None
    expires_at: Time | None = None
    created_at: Time
    started_at: Time | None = None
    finished_at: Time | None = None
    worker_id: str | None = None
    owner_id: str | None = None
    workflow_id: str | None = None
    key: str | None = None
    depends_on: list[Dependency] | None = None
    join: str | None = None
    schedule_id: str | None = None
    nominal_at: Time | None = None
    on_lost: str
    timeout_seconds: float | None = None
    retry_policy: RetryPolicyOut
    retry_until: Time | None = None
    unique: UniqueOut | None = None
    concurrency_key: str | None = None
    traceparent: str | None = None
    cancel_requested: bool = False
    version: int

    @property
    def finished(self) -> bool:
        """Whether the job is in a final state."""
        return self.status in FINAL


FINAL = frozenset({"completed", "failed", "cancelled", "skipped", "expired"})


class Run(Output, kw_only=True):
    """One attempt; `outcome` is null and `finished_at` open while it runs."""

    attempt: int
    fence: int
    worker_id: str | None = None
    outcome: str | None = None
    started_at: Time | None = None
    finished_at: Time | None = None
    error: ErrorOut | None = None
    result: Any = None


class LogLine(Output, kw_only=True):
    """One line a handler logged. `index` counts from 0 in each run."""

    fence: int
    index: int
    at: Time
    level: str
    text: str


class JobEvent(Output, kw_only=True):
    """An action of a person, or an exceptional transition."""

    at: Time
    event: str
    actor: str | None = None
    reason: str | None = None
    detail: Any = None


class BatchItem(Output, kw_only=True, omit_defaults=True):
    """What became of one job of a batch: `created`, `existing` (its key was seen before, or its
    unique key belongs to that job) or `refused` with the problem."""

    outcome: Literal["created", "existing", "refused"]
    id: str | None = None
    error: Any = None


class Batch(Output, kw_only=True):
    """The answer to a batch. `items` are in the order of the request."""

    created: int
    existing: int
    refused: int
    items: list[BatchItem]


class Upcoming(Output, kw_only=True):
    """One job that would be claimed, in order of claim."""

    job_id: str
    type: str
    queue: str
    priority: int
    run_at: Time
