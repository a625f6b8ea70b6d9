"""Who is told of what, and when: topics, the standing of a rule, the plan of retries.

Pure decisions; the store keeps what they need. Instants and spans are microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from tenure.domain.clock import SECOND
from tenure.domain.lifecycle import JobState

MAX_THRESHOLD = 1_000
DEFAULT_WINDOW = 300 * SECOND
ROTATION_OVERLAP = 24 * 3_600 * SECOND
"""How long an old secret of a webhook still signs, beside the new one."""


class Topic(StrEnum):
    """What a rule may be about."""

    JOB_COMPLETED = "job.completed"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_EXPIRED = "job.expired"
    JOB_LOST = "job.lost"
    """A lease ran out; the job may run again."""
    WORKFLOW_FINISHED = "workflow.finished"
    WORKFLOW_FAILED = "workflow.failed"
    SCHEDULE_MISSED = "schedule.missed"
    WORKER_LOST = "worker.lost"

    @property
    def kind(self) -> str:
        """What its subject is: job, workflow, schedule or worker."""
        return self.value.partition(".")[0]


OF_STATE: Mapping[JobState, Topic] = {
    JobState.COMPLETED: Topic.JOB_COMPLETED,
    JobState.FAILED: Topic.JOB_FAILED,
    JobState.CANCELLED: Topic.JOB_CANCELLED,
    JobState.EXPIRED: Topic.JOB_EXPIRED,
}

TEST, RECOVERED = "test", "recovered"
"""What a message may be beside a topic: `recovered` follows a topic's name and a dot."""


class ChannelKind(StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"
    APPRISE = "apprise"


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Terms:
    """When a rule speaks: at the `threshold`th event inside `window`, then not before `cool_down`
    is over. `recovery`: also when a window has passed without one."""

    threshold: int = 1
    window: int = DEFAULT_WINDOW
    cool_down: int = 0
    recovery: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a rule remembers: events not told yet (oldest first), the last one, when it spoke last,
    events passed over since then, and whether it waits for the recovery."""

    hits: tuple[int, ...] = ()
    last_hit: int | None = None
    told_at: int | None = None
    suppressed: int = 0
    alarmed: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The rule speaks: about `count` events inside the window, after passing over `suppressed`."""

    count: int
    suppressed: int


def meet(terms: Terms, standing: Standing, at: int) -> tuple[Standing, Told | None]:
    """An event at `at` meets a rule."""
    hits = (*(hit for hit in standing.hits if hit > at - terms.window), at)[-terms.threshold :]
    if len(hits) < terms.threshold:
        return replace(standing, hits=hits, last_hit=at), None
    if standing.told_at is not None and at < standing.told_at + terms.cool_down:
        passed = standing.suppressed + 1
        return replace(standing, hits=hits, last_hit=at, suppressed=passed), None
    told = Told(len(hits), standing.suppressed)
    return Standing(last_hit=at, told_at=at, alarmed=terms.recovery), told


def recovers_at(terms: Terms, standing: Standing) -> int | None:
    """When the trouble a rule told of counts as over, if nothing more happens."""
    if not standing.alarmed or standing.last_hit is None:
        return None
    return standing.last_hit + terms.window


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt. `gone`: the receiver wants nothing any more; `retry_after` as it
    asked, in seconds; `response` is the beginning of what it said."""

    ok: bool
    status: int | None = None
    response: str | None = None
    error: str | None = None
    gone: bool = False
    retry_after: float | None = None


RETRY_SECONDS = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
"""Rests between the attempts of a delivery: eleven attempts in a day."""
MAX_ATTEMPTS = len(RETRY_SECONDS) + 1
_JITTER = 0.1
_LONGEST_ASKED = 3_600.0


def next_attempt(
    attempts: int, now: int, random: float, asked_seconds: float | None = None
) -> int | None:
    """When a delivery that failed `attempts` times is tried again; None: never.

    `random` in [0, 1) spreads by a tenth. `asked_seconds`: the receiver's `Retry-After`, heeded up
    to an hour.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    rest = RETRY_SECONDS[attempts - 1] * (1 - _JITTER + 2 * _JITTER * random)
    if asked_seconds is not None:
        rest = max(rest, min(asked_seconds, _LONGEST_ASKED))
    return now + int(rest * SECOND)
