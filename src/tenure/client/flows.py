"""Workflows as a caller says them, and their routes as calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Required, TypedDict

import msgspec

from tenure.client.call import Call, held, path, reads
from tenure.client.submission import JobFields, encode_job, encode_value, new_key
from tenure.client.waiting import Wait
from tenure.wire.base import Page, encode
from tenure.wire.workflows import Workflow, WorkflowDetail


class WorkflowJob(JobFields, total=False):
    """A job of a workflow. `depends_on` holds keys of other jobs, or `{"key" | "job_id": ...,
    "on": "success" | "failure" | "done"}`; `join` is "all" (default) or "any"."""

    key: Required[str]
    type: Required[str]
    payload: Any
    depends_on: Sequence[str | Mapping[str, str]]
    join: str


class WorkflowFields(TypedDict, total=False):
    """`run_at` or `delay` hold back the jobs that depend on none. Without `idempotency_key` each
    request gets one of its own."""

    name: str | None
    run_at: datetime | None
    delay: timedelta | float | None
    idempotency_key: str | None


_MAX_PAGE = 100
_workflow = reads(Workflow)
_detail = reads(WorkflowDetail)
_page = reads(Page[Workflow])


def submit(jobs: Iterable[WorkflowJob], fields: WorkflowFields) -> Call[Workflow]:
    """All or none of the jobs, as one workflow."""
    encoded = [_encoded(dict(job)) for job in jobs]
    delay = fields.get("delay")
    told: dict[str, Any] = {
        "name": fields.get("name"),
        "run_at": fields.get("run_at"),
        "delay_seconds": delay.total_seconds() if isinstance(delay, timedelta) else delay,
    }
    whole: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    body = encode(whole | {"jobs": [msgspec.Raw(job) for job in encoded]})
    return submit_body(body, fields.get("idempotency_key"))


def _encoded(job: dict[str, Any]) -> bytes:
    kind, payload = job.pop("type", None), job.pop("payload", None)
    return encode_job(kind, payload, job).body


def submit_file(content: Mapping[str, Any], key: str | None) -> Call[Workflow]:
    """A workflow as a file holds it. Raises InvalidInput for what is no JSON."""
    return submit_body(encode_value(content, ""), key)


def submit_body(body: bytes, key: str | None) -> Call[Workflow]:
    """A workflow as the JSON of `POST /api/workflows`."""
    headers = {"Idempotency-Key": key or new_key()}
    return Call("POST", path("workflows"), _workflow, body, headers, repeatable=True)


def get(id_: str, wait: float | None = None) -> Call[WorkflowDetail]:
    """One workflow with its jobs. `wait`: seconds to hold the request until all have ended."""
    where = path("workflows", id_, wait=wait)
    return Call("GET", where, _detail, timeout=held(wait), repeatable=True)


def page(status: str | None, limit: int, after: str | None) -> Call[Page[Workflow]]:
    """One page of workflows, newest first; a page has at most 100."""
    where = path("workflows", status=status, limit=min(limit, _MAX_PAGE), after=after)
    return Call("GET", where, _page, repeatable=True)


def act(id_: str, action: str, reason: str | None) -> Call[Workflow]:
    """cancel or retry."""
    body = encode({} if reason is None else {"reason": reason})
    where = path("workflows", id_, action)
    return Call("POST", where, _workflow, body, repeatable=action != "retry")


def waiting(id_: str, timeout: timedelta | float | None) -> Wait[WorkflowDetail]:
    """A wait for the end of all jobs of a workflow."""
    return Wait(lambda seconds: get(id_, seconds), timeout, f"workflow {id_}")
