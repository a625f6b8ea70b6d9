"""Numbers and probes over HTTP."""

from __future__ import annotations

from tenure.wire.base import Output, Time


class StateCount(Output, kw_only=True):
    """Unfinished jobs of one queue, type and state."""

    queue: str
    type: str
    status: str
    count: int


class Minute(Output, kw_only=True):
    """What happened in one minute, summed over queues and types."""

    at: Time
    submitted: int
    completed: int
    failed: int
    cancelled: int
    retried: int
    lost: int


class Stats(Output, kw_only=True):
    """`active` is a snapshot taken at `as_of`; totals count as far back as statistics are kept."""

    as_of: Time
    active: dict[str, int]
    by_queue: list[StateCount]
    totals: dict[str, int]
    last_hour: dict[str, int]
    minutes: list[Minute]
    start_delay_seconds: dict[str, float | None]
    duration_seconds: dict[str, float | None]


class Queue(Output, kw_only=True):
    """A queue with its unfinished jobs by state, and the workers that serve it."""

    name: str
    counts: dict[str, int]
    oldest_pending_seconds: float | None = None
    workers: int


class Queues(Output, kw_only=True):
    as_of: Time
    items: list[Queue]


class Autoscale(Output, kw_only=True):
    """`demand` = pending + running, for an autoscaler."""

    queue: str
    demand: int
    pending: int
    running: int
    slots: int
    workers: int
    as_of: Time


class Health(Output, kw_only=True):
    status: str
    version: str


class Check(Output, kw_only=True):
    name: str
    ok: bool
    detail: str = ""


class Readiness(Output, kw_only=True):
    status: str
    checks: list[Check]
