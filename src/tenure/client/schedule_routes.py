"""Every schedule route as a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

import msgspec

from tenure.client.call import Call, nothing, path, reads
from tenure.client.submission import JobSpec, encode_fields, encode_job, encode_value, new_key
from tenure.domain.errors import InvalidInput
from tenure.wire.base import Page, encode
from tenure.wire.jobs import Job
from tenure.wire.schedules import Backfilled, Fire, NextTime, NextTimes, Schedule


class ScheduleFields(TypedDict, total=False):
    """When a schedule fires and how. Numbers for times are seconds; datetimes need a time zone.

    `cron` (five fields) or `every`. `overlap`: "skip", "allow" or "cancel_running". `misfire`:
    "latest", "skip" or "all". In an update None sets a field back.
    """

    name: str | None
    cron: str | None
    every: timedelta | float | None
    timezone: str
    start_at: datetime | None
    end_at: datetime | None
    jitter: timedelta | float
    overlap: str
    misfire: str
    misfire_after: timedelta | float
    catchup_window: timedelta | float | None
    max_catchup: int


_RENAMED = {
    "every": "every_seconds",
    "jitter": "jitter_seconds",
    "misfire_after": "misfire_after_seconds",
    "catchup_window": "catchup_window_seconds",
}

_schedule = reads(Schedule)
_schedules = reads(Page[Schedule])
_fires = reads(Page[Fire])
_jobs = reads(Page[Job])
_job = reads(Job)
_times = reads(NextTimes)
_backfilled = reads(Backfilled)


def _encoded(
    job: JobSpec | None, workflow: Mapping[str, Any] | None, fields: Mapping[str, Any]
) -> bytes:
    told = {_RENAMED.get(name, name): value for name, value in fields.items()}
    if job is not None:
        rest: dict[str, Any] = {**job}
        kind = rest.pop("type", None)
        if not isinstance(kind, str):
            raise InvalidInput.field("job/type", "is required")
        told["job"] = msgspec.Raw(encode_job(kind, rest.pop("payload", None), rest).body)
    if workflow is not None:
        told["workflow"] = msgspec.Raw(encode_value(workflow, "workflow"))
    return encode_fields(told)


def create(
    job: JobSpec | None,
    workflow: Mapping[str, Any] | None,
    fields: Mapping[str, Any],
    *,
    paused: bool,
) -> Call[Schedule]:
    """It travels under a key of its own: it may be sent again."""
    body = _encoded(job, workflow, {**fields, "paused": True} if paused else fields)
    headers = {"Idempotency-Key": new_key()}
    return Call("POST", path("schedules"), _schedule, body, headers, repeatable=True)


def get(id_: str) -> Call[Schedule]:
    """One schedule."""
    return Call("GET", path("schedules", id_), _schedule, repeatable=True)


def page(
    status: str | None, name: str | None, limit: int | None, after: str | None
) -> Call[Page[Schedule]]:
    """One page of schedules, newest first."""
    where = path("schedules", status=status, name=name, limit=limit, after=after)
    return Call("GET", where, _schedules, repeatable=True)


def update(
    id_: str,
    version: int | None,
    job: JobSpec | None,
    workflow: Mapping[str, Any] | None,
    fields: Mapping[str, Any],
) -> Call[Schedule]:
    """Change the given fields; `version` must be current."""
    told = dict(fields) if version is None else {**fields, "version": version}
    return Call("PATCH", path("schedules", id_), _schedule, _encoded(job, workflow, told))


def delete(id_: str) -> Call[None]:
    """Fire no more."""
    return Call("DELETE", path("schedules", id_), nothing)


def act(id_: str, action: str, reason: str | None) -> Call[Schedule]:
    """pause or resume: both end in the same state when repeated."""
    return Call("POST", path("schedules", id_, action), _schedule, _why(reason), repeatable=True)


def trigger(id_: str, reason: str | None) -> Call[Job]:
    """Submit its job once now, under a key of its own."""
    headers = {"Idempotency-Key": new_key()}
    where = path("schedules", id_, "trigger")
    return Call("POST", where, _job, _why(reason), headers, repeatable=True)


def _why(reason: str | None) -> bytes:
    return encode({} if reason is None else {"reason": reason})


def backfill(
    id_: str, start: datetime, end: datetime, reason: str | None, *, preview: bool
) -> Call[Backfilled]:
    """Fire what has not fired from `start` to before `end`; nothing fires twice when repeated."""
    told = {"from": start, "to": end, "preview": preview, "reason": reason}
    body = encode_fields(told)
    return Call("POST", path("schedules", id_, "backfill"), _backfilled, body, repeatable=True)


def fires(id_: str, limit: int | None, after: str | None) -> Call[Page[Fire]]:
    """One page of the ledger, newest first."""
    where = path("schedules", id_, "fires", limit=limit, after=after)
    return Call("GET", where, _fires, repeatable=True)


def jobs(id_: str, limit: int | None, after: str | None) -> Call[Page[Job]]:
    """One page of a schedule's jobs, newest first."""
    where = path("schedules", id_, "jobs", limit=limit, after=after)
    return Call("GET", where, _jobs, repeatable=True)


def next_times(id_: str, count: int | None) -> Call[Sequence[NextTime]]:
    """The next times of a schedule."""
    where = path("schedules", id_, "next", count=count)
    return Call("GET", where, lambda answer: _times(answer).items, repeatable=True)


def preview(
    cron: str | None,
    every: timedelta | float | None,
    timezone: str,
    after: datetime | None,
    count: int | None,
) -> Call[Sequence[NextTime]]:
    """The next times of any expression."""
    if after is not None and after.tzinfo is None:
        raise InvalidInput.field("after", "needs a time zone, like datetime.now(UTC)")
    where = path(
        "schedules",
        "preview",
        cron=cron,
        every_seconds=every.total_seconds() if isinstance(every, timedelta) else every,
        timezone=timezone,
        after=None if after is None else after.isoformat(),
        count=count,
    )
    return Call("GET", where, lambda answer: _times(answer).items, repeatable=True)
