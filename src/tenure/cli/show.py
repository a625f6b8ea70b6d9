"""What tables and listings show of jobs, runs and the fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tenure.telemetry.text import one_line
from tenure.wire.jobs import Job

if TYPE_CHECKING:
    from tenure.wire.queues import Queue, Rate
    from tenure.wire.schedules import Schedule

Columns = Mapping[str, Callable[[Any], Any]]

JOBS: Columns = {
    "id": attrgetter("id"),
    "type": attrgetter("type"),
    "queue": attrgetter("queue"),
    "status": attrgetter("status"),
    "reason": attrgetter("reason"),
    "attempt": lambda job: f"{job.attempt}/{job.max_attempts}",
    "priority": attrgetter("priority"),
    "created": attrgetter("created_at"),
    "name": attrgetter("name"),
}
RUNS: Columns = {
    "attempt": attrgetter("attempt"),
    "fence": attrgetter("fence"),
    "outcome": lambda run: run.outcome or "running",
    "worker": attrgetter("worker_id"),
    "started": attrgetter("started_at"),
    "finished": attrgetter("finished_at"),
    "error": lambda run: run.error and f"{run.error.type}: {run.error.message}",
}
EVENTS: Columns = {
    "at": attrgetter("at"),
    "event": attrgetter("event"),
    "actor": attrgetter("actor"),
    "reason": attrgetter("reason"),
    "detail": attrgetter("detail"),
}
LOGS: Columns = {
    "fence": attrgetter("fence"),
    "index": attrgetter("index"),
    "at": attrgetter("at"),
    "level": attrgetter("level"),
    "text": attrgetter("text"),
}
UPCOMING: Columns = {
    "id": attrgetter("job_id"),
    "type": attrgetter("type"),
    "queue": attrgetter("queue"),
    "priority": attrgetter("priority"),
    "due": attrgetter("run_at"),
}
DEAD_LETTERS: Columns = {
    "fingerprint": attrgetter("fingerprint"),
    "count": attrgetter("count"),
    "types": lambda group: list(group.types),
    "last seen": attrgetter("last_seen_at"),
    "error": lambda group: (
        f"{group.error.type}: {group.error.message}" if group.error else list(group.reasons)
    ),
}
OPERATIONS: Columns = {
    "id": attrgetter("id"),
    "action": attrgetter("action"),
    "filter": attrgetter("filter"),
    "status": attrgetter("status"),
    "done": lambda one: f"{one.done}/{one.expected}{'' if one.expected_exact else '+'}",
    "refused": attrgetter("refused"),
    "by": attrgetter("actor"),
    "reason": attrgetter("reason"),
    "created": attrgetter("created_at"),
}


def _count(state: str, queue: Any) -> int:
    return int(queue.counts.get(state, 0))


def _settings(queue: Queue) -> Iterator[str]:
    """What is set for a queue, in a few words each."""
    if queue.paused_at is not None:
        yield "paused" if queue.pause_reason is None else f"paused: {queue.pause_reason}"
    if queue.max_running is not None:
        yield f"{queue.in_use}/{queue.max_running} running"
    if queue.rate is not None:
        yield rate_text(queue.rate)
    if queue.aging_seconds is not None:
        yield f"aging {queue.aging_seconds:g}s"


def rate_text(rate: Rate) -> str:
    """A rate like `10/1s`."""
    return f"{rate.count}/{rate.per_seconds:g}s"


def queue_fields(queue: Queue) -> dict[str, Any]:
    """A queue for a person: what says nothing is left out."""
    fields: dict[str, Any] = msgspec.structs.asdict(queue)
    fields |= {state: number for state, number in fields.pop("counts").items() if number}
    if queue.rate is not None:
        fields["rate"] = f"{rate_text(queue.rate)}, {queue.rate.tokens} now"
        fields["next_start_at"] = queue.rate.next_start_at
    if queue.max_running is not None:
        fields["max_running"] = f"{queue.max_running}, {fields.pop('in_use')} in use"
    return {name: value for name, value in fields.items() if value is not None}


QUEUES: Columns = {
    "name": attrgetter("name"),
    **{
        state: partial(_count, state)
        for state in ("pending", "running", "scheduled", "blocked", "paused")
    },
    "oldest pending": lambda queue: _seconds(queue.oldest_pending_seconds),
    "workers": attrgetter("workers"),
    "limits": lambda queue: ", ".join(_settings(queue)),
}
WORKERS: Columns = {
    "id": attrgetter("id"),
    "name": attrgetter("name"),
    "state": attrgetter("state"),
    "running": lambda worker: f"{worker.running}/{worker.slots}",
    "queues": attrgetter("queues"),
    "types": attrgetter("types"),
    "host": lambda worker: f"{worker.hostname}:{worker.pid}",
    "seen": attrgetter("last_seen_at"),
}
HANDLERS: Columns = {
    "type": attrgetter("type"),
    "workers": attrgetter("workers"),
    "queues": attrgetter("queues"),
    "completed": attrgetter("completed"),
    "failed": attrgetter("failed"),
    "retried": attrgetter("retried"),
    "p50": lambda handler: _brief(handler.duration_seconds.get("p50")),
    "p95": lambda handler: _brief(handler.duration_seconds.get("p95")),
}
SERIES: Columns = {
    "time": attrgetter("at"),
    "submitted": attrgetter("submitted"),
    "completed": attrgetter("completed"),
    "failed": attrgetter("failed"),
    "cancelled": attrgetter("cancelled"),
    "retried": attrgetter("retried"),
    "lost": attrgetter("lost"),
    "delay p95": lambda point: _brief(point.start_delay_seconds.get("p95")),
    "duration p95": lambda point: _brief(point.duration_seconds.get("p95")),
}
LIVE: Columns = {
    "id": attrgetter("id"),
    "event": attrgetter("kind"),
    "topic": attrgetter("topic"),
    "stats": attrgetter("stats"),
}


def _times(schedule: Schedule) -> str:
    if schedule.every_seconds is not None:
        return f"every {schedule.every_seconds:g}s"
    return f"{schedule.cron} {schedule.timezone}"


SCHEDULES: Columns = {
    "id": attrgetter("id"),
    "status": attrgetter("status"),
    "times": _times,
    "type": lambda schedule: schedule.job.type if schedule.job else "(workflow)",
    "next": attrgetter("next_fire_at"),
    "last": attrgetter("last_fired_at"),
    "name": attrgetter("name"),
}
FIRES: Columns = {
    "time": attrgetter("nominal_at"),
    "until": attrgetter("until_at"),
    "count": attrgetter("count"),
    "outcome": attrgetter("outcome"),
    "job": lambda fire: fire.job_id or fire.workflow_id,
}
TIMES: Columns = {
    "time": attrgetter("at"),
    "local": attrgetter("local"),
    "note": attrgetter("note"),
}
BACKFILL: Columns = {
    "time": attrgetter("nominal_at"),
    "local": attrgetter("local"),
    "job": lambda fire: fire.job_id or fire.workflow_id,
}


def schedule_fields(schedule: Schedule) -> dict[str, Any]:
    """A schedule for a person: what says nothing is left out."""
    fields: dict[str, Any] = msgspec.structs.asdict(schedule)
    return {name: value for name, value in fields.items() if value not in (None, 0.0)}


def job_fields(job: Job) -> dict[str, Any]:
    """A job for a person: what says nothing is left out, the error is opened."""
    fields: dict[str, Any] = msgspec.structs.asdict(job)
    fields["attempt"] = f"{job.attempt} of {fields.pop('max_attempts')}"
    if job.error is not None:
        fields["error"] = f"{job.error.type}: {job.error.message}"
    if job.progress is not None:
        fields["progress"] = progress_text(job)
    policy = job.retry_policy
    fields["retry_policy"] = (
        f"{policy.strategy} from {policy.initial_delay_seconds:g}s to {policy.max_delay_seconds:g}s"
    )
    empty: tuple[Any, ...] = (None, [], False)
    return {name: value for name, value in fields.items() if value not in empty or _kept(name)}


def progress_text(job: Job) -> str:
    """How far a job says it is, like `40% resizing`; empty when it says nothing."""
    if job.progress is None:
        return ""
    fraction, message = job.progress.fraction, job.progress.message
    done = "" if fraction is None else f"{fraction:.0%}"
    return f"{done} {one_line(message or '')}".strip()


def _kept(name: str) -> bool:
    return name == "payload"


def _brief(value: float | None) -> str | None:
    return None if value is None else f"{value:g}s"


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f}s"
