"""From stored rows to the answers of the HTTP contract.

Payloads and results go out as the bytes they came as, but for secret fields of payloads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tenure.coordinator.receipts import Conceal, policy_out, unique_out
from tenure.domain.edges import Join
from tenure.domain.job import JobOptions
from tenure.store.history import EventRow, LineRow
from tenure.store.options import decode_options
from tenure.store.reads import JobRow, RunRow
from tenure.store.upcoming import UpcomingRow
from tenure.store.workflow_reads import EdgeRow, NodeRow, WorkflowRow
from tenure.wire.base import maybe_time_out, time_out
from tenure.wire.jobs import (
    Dependency,
    ErrorOut,
    Job,
    JobEvent,
    LogLine,
    ProgressOut,
    Run,
    Upcoming,
)
from tenure.wire.workflows import Node, NodeDependency, Workflow, WorkflowDetail

_tags = msgspec.json.Decoder(list[str])
_progress = msgspec.json.Decoder(ProgressOut)


class _Told(msgspec.Struct):
    """An error as stored: what its worker told, fields at their default left out."""

    type: str = "Error"
    message: str = ""
    traceback: str | None = None


_told = msgspec.json.Decoder(_Told)


def job(row: JobRow, conceal: Conceal) -> Job:
    """A job. While it waits, `error` is why its last attempt failed, `run_at` when it is ready."""
    options = decode_options(row.options)
    return Job(
        id=row.id,
        name=row.name,
        type=row.type,
        queue=row.queue,
        status=row.state,
        reason=row.reason,
        priority=row.priority,
        payload=_raw(conceal(row.type, row.payload)),
        result=_raw(row.result),
        error=error(row.error),
        attempt=row.attempt,
        max_attempts=row.max_attempts or max(options.max_attempts, row.attempt),
        lost=row.lost,
        progress=None if row.progress is None else _progress.decode(row.progress),
        tags=[] if row.tags is None else _tags.decode(row.tags),
        run_at=time_out(_due(row, options)),
        expires_at=maybe_time_out(options.expires_at),
        created_at=time_out(row.created_at),
        started_at=maybe_time_out(row.started_at),
        finished_at=maybe_time_out(row.finished_at),
        worker_id=row.worker_id,
        owner_id=row.owner_id,
        workflow_id=row.workflow_id,
        key=row.key,
        schedule_id=row.schedule_id,
        nominal_at=maybe_time_out(row.nominal_at),
        on_lost=options.on_lost.value,
        timeout_seconds=options.timeout_seconds,
        retry_policy=policy_out(options.retry_policy),
        retry_until=maybe_time_out(options.retry_until),
        unique=unique_out(options.unique),
        concurrency_key=options.concurrency_key,
        traceparent=options.traceparent,
        cancel_requested=bool(row.cancel_requested),
        version=row.version,
    )


def _due(row: JobRow, options: JobOptions) -> int:
    return max(options.run_at or 0, row.created_at) if row.run_at is None else row.run_at


def linked(answer: Job, edges: Sequence[EdgeRow]) -> Job:
    """A job with what it depends on."""
    answer.depends_on = [Dependency(job_id=e.parent_id, on=e.condition) for e in edges]
    answer.join = edges[0].join if edges else Join.ALL.value
    return answer


def _raw(text: str | None) -> Any:
    return None if text is None else msgspec.Raw(text.encode())


def error(text: str | None) -> ErrorOut | None:
    """A stored error."""
    if text is None:
        return None
    told = _told.decode(text)
    return ErrorOut(type=told.type, message=told.message, traceback=told.traceback)


def etag(answer: Job) -> str:
    """The entity tag of a job: its version."""
    return f'"{answer.version}"'


def run(row: RunRow) -> Run:
    """One attempt."""
    return Run(
        attempt=row.attempt,
        fence=row.fence,
        worker_id=row.worker_id,
        outcome=row.outcome,
        started_at=maybe_time_out(row.started_at),
        finished_at=maybe_time_out(row.finished_at),
        error=error(row.error),
        result=_raw(row.result),
    )


def line(row: LineRow) -> LogLine:
    """One logged line."""
    return LogLine(
        fence=row.fence, index=row.index, at=time_out(row.at), level=row.level, text=row.text
    )


def event(row: EventRow) -> JobEvent:
    """One event."""
    return JobEvent(
        at=time_out(row.at),
        event=row.event,
        actor=row.actor,
        reason=row.reason,
        detail=_raw(row.detail),
    )


def workflow(row: WorkflowRow) -> Workflow:
    """How far a workflow is."""
    return Workflow(**_workflow(row))


def _workflow(row: WorkflowRow) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "status": row.state.value, "jobs": row.counts,
        "total": row.total, "owner_id": row.owner_id, "created_at": time_out(row.created_at),
        "finished_at": maybe_time_out(row.finished_at),
    }  # fmt: skip


def workflow_detail(
    row: WorkflowRow, rows: Sequence[NodeRow], edges: Mapping[str, Sequence[EdgeRow]]
) -> WorkflowDetail:
    """A workflow with its jobs."""
    nodes = [_node(node, edges.get(node.job_id, ())) for node in rows]
    return WorkflowDetail(**_workflow(row), nodes=nodes)


def _node(row: NodeRow, edges: Sequence[EdgeRow]) -> Node:
    return Node(
        key=row.key,
        job_id=row.job_id,
        type=row.type,
        name=row.name,
        status=row.state,
        reason=row.reason,
        attempt=row.attempt,
        join=edges[0].join if edges else Join.ALL.value,
        depends_on=[NodeDependency(key=e.key, job_id=e.parent_id, on=e.condition) for e in edges],
        started_at=maybe_time_out(row.started_at),
        finished_at=maybe_time_out(row.finished_at),
    )


def upcoming(row: UpcomingRow) -> Upcoming:
    """One job that would be claimed."""
    return Upcoming(
        job_id=row.job_id,
        type=row.type,
        queue=row.queue,
        priority=row.priority,
        run_at=time_out(row.run_at),
    )
