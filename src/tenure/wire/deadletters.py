"""Dead letters over HTTP: jobs that failed for good, grouped by what they have in common."""

from __future__ import annotations

from tenure.wire.base import Output, Time
from tenure.wire.jobs import ErrorOut


class DeadLetters(Output, kw_only=True):
    """Failed jobs of one fingerprint. `types`, `queues` and `reasons` count them by each; the
    sample is the job submitted last."""

    fingerprint: str
    count: int
    first_seen_at: Time
    last_seen_at: Time
    types: dict[str, int]
    queues: dict[str, int]
    reasons: dict[str, int]
    sample_job_id: str
    error: ErrorOut | None = None


class DeadLetterGroups(Output, kw_only=True):
    """Groups, the largest first. `failed` jobs were looked at; `complete` false: older ones were
    not, so counts are at least so many."""

    items: list[DeadLetters]
    failed: int
    complete: bool
