"""Why a job is where it is, over HTTP."""

from __future__ import annotations

import msgspec

from tenure.wire.base import Output, Time


class Why(Output, kw_only=True, omit_defaults=True):
    """One reason. `cause` is stable, `detail` a sentence for people; what else there is depends on
    the cause: an instant, a count and its bound, who did it and why, jobs, a worker."""

    cause: str
    detail: str
    at: Time | None = None
    number: int | None = None
    limit: int | None = None
    actor: str | None = None
    comment: str | None = None
    job_ids: list[str] = msgspec.field(default_factory=list)
    worker_id: str | None = None
    schedule_id: str | None = None


class Explanation(Output, kw_only=True):
    """`reasons`, the one that decides first; `estimated_start_at` where it can be told."""

    job_id: str
    status: str
    reasons: list[Why]
    estimated_start_at: Time | None = None
    as_of: Time
