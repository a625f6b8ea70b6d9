"""What happened: the outcome of one attempt, and what a handler may raise to choose it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    SNOOZED = "snoozed"
    RELEASED = "released"
    LOST = "lost"


REPORTABLE = (
    Outcome.COMPLETED,
    Outcome.FAILED,
    Outcome.TIMEOUT,
    Outcome.CANCELLED,
    Outcome.SNOOZED,
)
"""The outcomes a worker may report; the others are the coordinator's."""

MAX_SNOOZES = 1_000
MAX_FREE_RELEASES = 10
KEPT_RELEASES = 20
MIN_SNOOZE_SECONDS = 1.0


@dataclass(slots=True)
class Report:
    """One ended attempt as told by its worker. `result`, `error` and `progress` (the last one, when
    it is given) are JSON text."""

    job_id: str
    fence: int
    worker_id: str
    outcome: Outcome
    result: str | None = None
    error: str | None = None
    retryable: bool = True
    retry_after_seconds: float | None = None
    snooze_seconds: float | None = None
    checkpoint: str | None = None
    progress: str | None = None


class ReportStatus(StrEnum):
    ACCEPTED = "accepted"
    REPEATED = "repeated"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class LeaseRef:
    """What identifies a lease beside its worker."""

    job_id: str
    fence: int


class HandlerSignal(Exception):  # noqa: N818 - these are decisions of a handler, not errors
    """Base of what a handler raises to choose its outcome."""


class Retry(HandlerSignal):
    """Fail this attempt and try again, after `after` seconds (None: the retry policy decides)."""

    def __init__(self, message: str = "", *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Fail(HandlerSignal):
    """Fail the job for good, whatever attempts are left."""


class Snooze(HandlerSignal):
    """Give the attempt back and run again in `after` seconds (at least 1)."""

    def __init__(self, after: float, message: str = "") -> None:
        super().__init__(message)
        self.after = after


class Cancel(HandlerSignal):
    """End the job as cancelled."""
