"""Numbers and probes over HTTP."""

from __future__ import annotations

from typing import Any

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


class Point(Output, kw_only=True):
    """What happened in the `step_seconds` from `at` on. Delays and durations are upper bounds of
    histogram buckets, in seconds; null without any."""

    at: Time
    submitted: int
    completed: int
    failed: int
    cancelled: int
    retried: int
    lost: int
    start_delay_seconds: dict[str, float | None]
    duration_seconds: dict[str, float | None]


class Series(Output, kw_only=True):
    """The last `range_seconds` in equal steps, oldest first; the last one still grows."""

    as_of: Time
    range_seconds: int
    step_seconds: int
    points: list[Point]


class Handler(Output, kw_only=True):
    """A type that a worker offers now or lately, or that has jobs. `schema` is that of its payload,
    as the worker that registered last told it. Counts are of the last hour."""

    type: str
    schema: Any = None
    workers: int
    queues: list[str]
    completed: int
    failed: int
    retried: int
    duration_seconds: dict[str, float | None]


class Handlers(Output, kw_only=True):
    as_of: Time
    items: list[Handler]


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
