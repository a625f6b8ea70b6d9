"""What a schedule is asked for. The rules themselves are in `schedule`, with a parser of cron that
a client has no need to import."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tenure.domain.clock import SECOND

DEFAULT_MISFIRE_AFTER = 60 * SECOND
DEFAULT_MAX_CATCHUP = 100
MAX_CATCHUP = 1_000
MIN_EVERY_SECONDS = 1.0
LATEST_INSTANT = 32_503_680_000 * SECOND
"""Year 3000: times of schedules lie between 1970 and here."""


class Overlap(StrEnum):
    """What a fire does while a job of an earlier one is unfinished."""

    SKIP = "skip"
    ALLOW = "allow"
    CANCEL_RUNNING = "cancel_running"


class Misfire(StrEnum):
    """What becomes of times that are found too late."""

    LATEST = "latest"
    SKIP = "skip"
    ALL = "all"


class FireOutcome(StrEnum):
    """What became of a nominal time, or of a stretch of them."""

    FIRED = "fired"
    BACKFILLED = "backfilled"
    MISSED = "missed"
    OVERLAPPED = "overlapped"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class ScheduleRules:
    """When a schedule fires and how it decides. Exactly one of `cron` and `every` is given.

    `every` (microseconds) counts from `anchor`. `end_at` may still fire, `start_at` too.
    `catchup_window`: times missed longer ago are not made up; None makes up any.
    """

    cron: str | None = None
    every: int | None = None
    timezone: str = "UTC"
    anchor: int = 0
    start_at: int | None = None
    end_at: int | None = None
    jitter: int = 0
    overlap: Overlap = Overlap.SKIP
    misfire: Misfire = Misfire.LATEST
    misfire_after: int = DEFAULT_MISFIRE_AFTER
    catchup_window: int | None = None
    max_catchup: int = DEFAULT_MAX_CATCHUP
