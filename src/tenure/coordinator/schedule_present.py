"""From stored schedules to the answers of the HTTP contract."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tenure.coordinator.receipts import policy_out
from tenure.domain import cron
from tenure.domain.clock import SECOND, to_datetime
from tenure.domain.schedule import note
from tenure.domain.scheduling import ScheduleRules
from tenure.store.schedule_reads import FireRow, ScheduleRow
from tenure.store.schedule_rows import decode_job, decode_rules
from tenure.wire import schedules as wire
from tenure.wire.base import maybe_time_out, time_out


def schedule(row: ScheduleRow) -> wire.Schedule:
    """A schedule."""
    rules = decode_rules(row.rules)
    active = row.paused_at is None
    ended = row.next_nominal_at is None
    return wire.Schedule(
        id=row.id,
        name=row.name,
        status="paused" if not active else "ended" if ended else "active",
        cron=rules.cron,
        every_seconds=_seconds(rules.every),
        timezone=rules.timezone,
        job=_template(row),
        start_at=maybe_time_out(rules.start_at),
        end_at=maybe_time_out(rules.end_at),
        jitter_seconds=rules.jitter / SECOND,
        overlap=rules.overlap.value,
        misfire=rules.misfire.value,
        misfire_after_seconds=rules.misfire_after / SECOND,
        catchup_window_seconds=_seconds(rules.catchup_window),
        max_catchup=rules.max_catchup,
        next_fire_at=maybe_time_out(row.next_fire_at),
        last_fired_at=maybe_time_out(row.last_fired_at),
        paused_at=maybe_time_out(row.paused_at),
        paused_by=row.paused_by,
        pause_reason=row.pause_reason,
        owner_id=row.owner_id,
        created_at=time_out(row.created_at),
        version=row.version,
    )


def _seconds(span: int | None) -> float | None:
    return None if span is None else span / SECOND


def _template(row: ScheduleRow) -> wire.JobTemplate:
    spec = decode_job(row.job)
    options = spec.options
    return wire.JobTemplate(
        type=spec.type,
        queue=spec.queue,
        name=spec.name,
        priority=spec.priority,
        payload=msgspec.Raw(row.payload.encode()),
        tags=list(spec.tags),
        max_attempts=options.max_attempts,
        retry_policy=policy_out(options.retry_policy),
        timeout_seconds=options.timeout_seconds,
        on_lost=options.on_lost.value,
    )


def fire(row: FireRow) -> wire.Fire:
    """One row of the ledger."""
    return wire.Fire(
        nominal_at=time_out(row.nominal_at),
        until_at=time_out(row.until_at),
        count=row.number,
        outcome=row.outcome,
        at=time_out(row.at),
        job_id=row.job_id,
    )


def local(rules: ScheduleRules, at: int) -> str:
    """An instant in the zone of a schedule: RFC 3339 with its offset."""
    moment = to_datetime(at).astimezone(cron.zone(rules.timezone))
    return moment.isoformat(timespec="microseconds" if at % SECOND else "seconds")


def next_times(rules: ScheduleRules, times: Iterable[int]) -> wire.NextTimes:
    """Times to come, with what a clock change does to them."""
    items = [
        wire.NextTime(at=time_out(at), local=local(rules, at), note=note(rules, at)) for at in times
    ]
    return wire.NextTimes(items=items)


def backfilled(
    rules: ScheduleRules, times: list[int], jobs: dict[int, str], existing: int, *, preview: bool
) -> wire.Backfilled:
    """What a backfill did, or would do."""
    items = [
        wire.BackfilledTime(nominal_at=time_out(at), local=local(rules, at), job_id=jobs.get(at))
        for at in times
    ]
    return wire.Backfilled(preview=preview, count=len(items), existing=existing, items=items)
