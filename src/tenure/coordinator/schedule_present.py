"""From stored schedules to the answers of the HTTP contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tenure.coordinator.receipts import Conceal, policy_out
from tenure.domain import cron
from tenure.domain.clock import SECOND, to_datetime
from tenure.domain.schedule import note
from tenure.domain.scheduling import ScheduleRules
from tenure.domain.template import JobTemplate, Node, WorkflowTemplate
from tenure.store.fires import Firing
from tenure.store.schedule_reads import FireRow, ScheduleRow
from tenure.store.schedule_rows import decode_rules, decode_template
from tenure.wire import schedules as wire
from tenure.wire.base import maybe_time_out, time_out


def schedule(row: ScheduleRow, conceal: Conceal) -> wire.Schedule:
    """A schedule."""
    rules = decode_rules(row.rules)
    active = row.paused_at is None
    ended = row.next_nominal_at is None
    template = decode_template(row.job, row.payload, row.workflow)
    return wire.Schedule(
        id=row.id,
        name=row.name,
        status="paused" if not active else "ended" if ended else "active",
        cron=rules.cron,
        every_seconds=_seconds(rules.every),
        timezone=rules.timezone,
        job=_job(template, conceal) if isinstance(template, JobTemplate) else None,
        workflow=None if isinstance(template, JobTemplate) else _workflow(template, conceal),
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


def _job(template: JobTemplate, conceal: Conceal) -> wire.JobTemplate:
    return wire.JobTemplate(**_fields(template, conceal))


def _workflow(template: WorkflowTemplate, conceal: Conceal) -> wire.WorkflowTemplate:
    nodes = [
        wire.NodeTemplate(
            key=node.key,
            join=node.join.value,
            depends_on=[wire.NodeEdge(key=key, on=on.value) for key, on in node.depends_on],
            **_fields(node, conceal),
        )
        for node in template.nodes
    ]
    return wire.WorkflowTemplate(name=template.name, jobs=nodes)


def _fields(template: JobTemplate | Node, conceal: Conceal) -> dict[str, Any]:
    """What a job and a node of a workflow have in common."""
    spec = template.spec
    options = spec.options
    return {
        "type": spec.type,
        "queue": spec.queue,
        "name": spec.name,
        "priority": spec.priority,
        "payload": msgspec.Raw(conceal(spec.type, template.payload).encode()),
        "tags": list(spec.tags),
        "max_attempts": options.max_attempts,
        "retry_policy": policy_out(options.retry_policy),
        "timeout_seconds": options.timeout_seconds,
        "on_lost": options.on_lost.value,
        "concurrency_key": options.concurrency_key,
        "traceparent": options.traceparent,
    }


def fire(row: FireRow) -> wire.Fire:
    """One row of the ledger."""
    return wire.Fire(
        nominal_at=time_out(row.nominal_at),
        until_at=time_out(row.until_at),
        count=row.number,
        outcome=row.outcome,
        at=time_out(row.at),
        job_id=row.job_id,
        workflow_id=row.workflow_id,
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
    rules: ScheduleRules,
    times: list[int],
    made: Mapping[int, Firing],
    existing: int,
    *,
    preview: bool,
) -> wire.Backfilled:
    """What a backfill did, or would do."""
    items = [
        wire.BackfilledTime(
            nominal_at=time_out(at),
            local=local(rules, at),
            job_id=made[at].job_id if at in made else None,
            workflow_id=made[at].workflow_id if at in made else None,
        )
        for at in times
    ]
    return wire.Backfilled(preview=preview, count=len(items), existing=existing, items=items)
