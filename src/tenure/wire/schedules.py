"""Schedules over HTTP: what a caller sends, what comes back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tenure.domain import scheduling as domain
from tenure.wire.base import Input, Instant, Output, Reason, Seconds, Text, Time
from tenure.wire.graphs import WorkflowBody
from tenure.wire.jobs import JobIn, Name, RetryPolicyOut

MAX_BACKFILL = 1_000

Every = Annotated[Seconds, Field(ge=domain.MIN_EVERY_SECONDS)]
Caught = Annotated[int, Field(ge=1, le=domain.MAX_CATCHUP, strict=True)]
A_DAY = 86_400


class _Timing(Input):
    """The fields that creating and editing share. Of `job` and `workflow` only the schema is
    here: they travel as they came."""

    cron: Annotated[Text, Field(max_length=1_000)] | None = None
    every_seconds: Every | None = None
    timezone: Annotated[Text, Field(max_length=128)] = "UTC"
    job: JobIn | None = None
    workflow: WorkflowBody | None = None
    start_at: Instant | None = None
    end_at: Instant | None = None
    jitter_seconds: Annotated[Seconds, Field(le=A_DAY)] = 0.0
    overlap: domain.Overlap = domain.Overlap.SKIP
    misfire: domain.Misfire = domain.Misfire.LATEST
    misfire_after_seconds: Annotated[Seconds, Field(le=A_DAY)] = 60.0
    catchup_window_seconds: Seconds | None = None
    max_catchup: Caught = domain.DEFAULT_MAX_CATCHUP
    name: Name | None = None


class ScheduleIn(_Timing):
    """A schedule to create."""

    paused: bool = False


class ScheduleEdit(_Timing):
    """An edit. Only the fields that are present change; null sets a field back to its default."""

    version: Annotated[int, Field(ge=1, strict=True)] | None = None


class PreviewIn(Input):
    """An expression, as the query of a preview."""

    cron: Annotated[Text, Field(max_length=1_000)] | None = None
    every_seconds: Every | None = None
    timezone: Annotated[Text, Field(max_length=128)] = "UTC"
    after: Instant | None = None


class BackfillIn(Input):
    """Nominal times from `from` to before `to`. With `preview` nothing is submitted."""

    from_: Annotated[Instant, Field(alias="from")]
    to: Instant
    preview: bool = False
    reason: Reason | None = None


class JobTemplate(Output, kw_only=True):
    """The job that every fire submits."""

    type: str
    queue: str
    name: str | None = None
    priority: int
    payload: Any = None
    tags: list[str]
    max_attempts: int
    retry_policy: RetryPolicyOut
    timeout_seconds: float | None = None
    on_lost: str
    concurrency_key: str | None = None
    traceparent: str | None = None


class NodeEdge(Output, kw_only=True):
    key: str
    on: str


class NodeTemplate(JobTemplate, kw_only=True):
    """One job of a workflow."""

    key: str
    join: str
    depends_on: list[NodeEdge]


class WorkflowTemplate(Output, kw_only=True):
    """The workflow that every fire submits."""

    name: str | None = None
    jobs: list[NodeTemplate]


class Schedule(Output, kw_only=True):
    """A schedule. `status`: active, paused or ended. `next_fire_at` is null unless it is active;
    it may be later than the nominal time by the jitter."""

    id: str
    name: str | None = None
    status: str
    cron: str | None = None
    every_seconds: float | None = None
    timezone: str
    job: JobTemplate | None = None
    workflow: WorkflowTemplate | None = None
    start_at: Time | None = None
    end_at: Time | None = None
    jitter_seconds: float
    overlap: str
    misfire: str
    misfire_after_seconds: float
    catchup_window_seconds: float | None = None
    max_catchup: int
    next_fire_at: Time | None = None
    last_fired_at: Time | None = None
    paused_at: Time | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    owner_id: str | None = None
    created_at: Time
    version: int


class Fire(Output, kw_only=True):
    """What became of nominal times: of one that fired (`outcome` fired or backfilled), or of a
    stretch of `count` from `nominal_at` to `until_at` that did not (missed, overlapped, paused).
    `at`: when that was decided last."""

    nominal_at: Time
    until_at: Time
    count: int
    outcome: str
    at: Time
    job_id: str | None = None
    workflow_id: str | None = None


class NextTime(Output, kw_only=True):
    """A time to come. `local` is the same in the schedule's zone; `note` tells of a clock change
    that moves or repeats it."""

    at: Time
    local: str
    note: str | None = None


class NextTimes(Output, kw_only=True):
    items: list[NextTime]


class Backfilled(Output, kw_only=True):
    """`items`: the times of the range that had not fired, with the jobs they got (none in a
    preview). `existing` counts those that had."""

    preview: bool
    count: int
    existing: int
    items: list[BackfilledTime]


class BackfilledTime(Output, kw_only=True):
    nominal_at: Time
    local: str
    job_id: str | None = None
    workflow_id: str | None = None
