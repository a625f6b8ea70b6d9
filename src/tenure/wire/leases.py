"""The lease protocol: messages between coordinator and worker.

Both ends are usually ours and hot, so these are msgspec Structs; a worker in another language sends
the same JSON. Durations are seconds, and leases travel as durations, never as instants.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

MAX_SLOTS = 10_000
MAX_WAIT_SECONDS = 60.0
MAX_TYPES = 1_000
MAX_QUEUES = 100
_INT64 = 2**63 - 1


ABSENT = msgspec.UNSET
"""A JSON value that was not given; `null` is given."""
NULL = msgspec.Raw(b"null")


class Message(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of what a worker sends. Fields at their default are left out."""


class Answer(msgspec.Struct, kw_only=True):
    """Base of what the coordinator answers. Unknown fields are ignored by workers."""


Fence = Annotated[int, msgspec.Meta(ge=0, le=_INT64)]
"""Strictly grows with every lease of a job."""
Slots = Annotated[int, msgspec.Meta(ge=0, le=MAX_SLOTS)]


class Acquire(Message, kw_only=True):
    """Ask for up to `slots` leases; waits up to `wait_seconds` for the first. With `slots` 0 it
    waits only for cancels and drain."""

    worker_id: str
    queues: Annotated[list[str], msgspec.Meta(max_length=MAX_QUEUES)]
    types: Annotated[list[str], msgspec.Meta(max_length=MAX_TYPES)]
    slots: Slots
    wait_seconds: float = 0.0


class Wanted(Message, kw_only=True):
    """What a report asks for besides: up to `slots` leases, at once or not at all."""

    queues: Annotated[list[str], msgspec.Meta(max_length=MAX_QUEUES)]
    types: Annotated[list[str], msgspec.Meta(max_length=MAX_TYPES)]
    slots: Slots


class Parent(Answer, kw_only=True):
    """A job that the leased one depends on, as it ended. `result` is any JSON; with `omitted` it
    was too large to send along."""

    job_id: str
    status: str
    result: Any = None
    omitted: bool = False


class Lease(Answer, kw_only=True):
    """One job to run. `payload`, `checkpoint` are any JSON, kept byte for byte. `parents` are by
    their key in the workflow, or else their id."""

    job_id: str
    fence: Fence
    attempt: int
    max_attempts: int
    type: str
    name: str | None = None
    queue: str
    payload: msgspec.Raw
    parents: dict[str, Parent] = msgspec.field(default_factory=dict)
    checkpoint: msgspec.Raw | msgspec.UnsetType = ABSENT
    workflow_id: str | None = None
    timeout_seconds: float | None = None
    lease_seconds: float
    tags: list[str] = msgspec.field(default_factory=list)
    traceparent: str | msgspec.UnsetType = ABSENT


class CancelRequest(Answer, kw_only=True):
    job_id: str
    fence: Fence
    reason: str | None = None
    grace_seconds: float = 10.0


class Acquired(Answer, kw_only=True):
    """`waited_seconds`: how long the coordinator held the request before it leased."""

    leases: list[Lease]
    cancel: list[CancelRequest] = msgspec.field(default_factory=list)
    drain: bool = False
    waited_seconds: float = 0.0


class ProgressIn(Message, kw_only=True):
    """`fraction` from 0 to 1."""

    fraction: float | None = None
    message: str | None = None


class HeldLease(Message, kw_only=True):
    job_id: str
    fence: Fence
    progress: ProgressIn | None = None
    checkpoint: msgspec.Raw | msgspec.UnsetType = ABSENT


class Heartbeat(Message, kw_only=True):
    """All leases the worker holds, also those just received."""

    leases: list[HeldLease]
    slots_free: Slots = 0
    draining: bool = False


class LeaseId(Message, kw_only=True):
    """A lease by job and fence."""

    job_id: str
    fence: Fence


class HeartbeatAnswer(Answer, kw_only=True):
    lost: list[LeaseId] = msgspec.field(default_factory=list)
    cancel: list[CancelRequest] = msgspec.field(default_factory=list)
    drain: bool = False


class ErrorIn(Message, kw_only=True):
    """Why an attempt failed, told by its worker."""

    type: str = "Error"
    message: str = ""
    traceback: str | None = None


class ReportBody(Message, kw_only=True):
    """How an attempt ended: `outcome`, or `success` of earlier systems."""

    fence: Fence
    outcome: Literal["completed", "failed", "timeout", "cancelled", "snoozed"] | None = None
    success: bool | None = None
    result: msgspec.Raw | msgspec.UnsetType = ABSENT
    error: ErrorIn | None = None
    retryable: bool = True
    retry_after_seconds: float | None = None
    snooze_seconds: float | None = None
    checkpoint: msgspec.Raw | msgspec.UnsetType = ABSENT
    progress: ProgressIn | None = None


class CompleteOne(ReportBody, kw_only=True):
    """Body of `POST /api/jobs/{id}/complete`."""

    worker_id: str


class ReportItem(ReportBody, kw_only=True):
    """One report of a batch."""

    job_id: str


class CompleteMany(Message, kw_only=True):
    """Body of `POST /api/jobs/complete`. `acquire` asks for leases in the same transaction."""

    worker_id: str
    reports: list[ReportItem]
    acquire: Wanted | None = None


class ReportResult(Answer, kw_only=True):
    job_id: str
    fence: Fence
    status: Literal["accepted", "repeated", "lost"]


class Completed(Answer, kw_only=True, omit_defaults=True):
    """`results` in the order of the reports. `acquired` answers `acquire`; left out when that was
    absent or refused, while the reports were settled all the same."""

    results: list[ReportResult]
    acquired: Acquired | None = None


class ReleaseItem(Message, kw_only=True):
    """`started`: whether its handler had begun."""

    job_id: str
    fence: Fence
    started: bool = False


class Release(Message, kw_only=True):
    worker_id: str
    leases: list[ReleaseItem]


class LogLineIn(Message, kw_only=True):
    """`at` is the worker's RFC 3339 time: shown, never used to decide."""

    at: str
    level: str = "info"
    text: str


class Logs(Message, kw_only=True):
    """`from` is the index of the first line in its run; sending lines again adds nothing."""

    worker_id: str
    fence: Fence
    from_: Annotated[int, msgspec.Meta(ge=0, le=_INT64)] = msgspec.field(name="from", default=0)
    lines: list[LogLineIn]


class Logged(Answer, kw_only=True):
    """Lines stored by this call, those already there not counted."""

    stored: int


class ReleasedCount(Answer, kw_only=True):
    """How many of the leases were still held."""

    released: int
