"""Queues over HTTP: their jobs, what is set for them, and changing that."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tenure.domain import queue as rules
from tenure.domain.clock import SECOND
from tenure.wire.base import Input, Number, Output, Time, Word

MIN_PER_SECONDS = rules.MIN_INTERVAL / SECOND
MAX_PER_SECONDS = rules.MAX_INTERVAL / SECOND
MIN_AGING_SECONDS = rules.MIN_AGING / SECOND
MAX_AGING_SECONDS = rules.MAX_AGING / SECOND


def _not_zero(value: Any) -> Any:
    if value == 0 and not isinstance(value, bool):
        raise ValueError(f"must be from 1 to {rules.MAX_RUNNING}; to hold all jobs back, pause it")
    return value


MaxRunning = Annotated[
    int, BeforeValidator(_not_zero), Field(ge=1, le=rules.MAX_RUNNING, strict=True)
]


class QueueName(Input):
    """The name of a queue, as in a path."""

    name: Word


class RateIn(Input):
    """At most `count` starts in `per_seconds`: a bucket of so many tokens that fills up evenly."""

    count: Annotated[int, Field(ge=1, le=rules.MAX_RATE, strict=True)]
    per_seconds: Annotated[Number, Field(ge=MIN_PER_SECONDS, le=MAX_PER_SECONDS)] = 1.0


class QueueEdit(Input):
    """An edit. Only the fields that are present change; null takes a setting away."""

    max_running: MaxRunning | None = None
    rate: RateIn | None = None
    aging_seconds: Annotated[Number, Field(ge=MIN_AGING_SECONDS, le=MAX_AGING_SECONDS)] | None = (
        None
    )
    version: Annotated[int, Field(ge=0, strict=True)] | None = None


class Rate(Output, kw_only=True):
    """`tokens`: how many jobs may start now. `next_start_at`: when the next may, if none may."""

    count: int
    per_seconds: float
    tokens: int
    next_start_at: Time | None = None


class Queue(Output, kw_only=True):
    """A queue: its unfinished jobs by state, the workers that serve it, and what is set for it.

    `in_use`: the running jobs that count against `max_running`, null where no bound is set. Counts
    may be a second old, `in_use` is not. `version` is 0 until somebody sets something.
    """

    name: str
    counts: dict[str, int]
    oldest_pending_seconds: float | None = None
    workers: int
    paused_at: Time | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    max_running: int | None = None
    in_use: int | None = None
    rate: Rate | None = None
    aging_seconds: float | None = None
    version: int = 0
    updated_at: Time | None = None


class Queues(Output, kw_only=True):
    as_of: Time
    items: list[Queue]
