"""Every route of people and programs as a call. The worker's routes are in `leasing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict

import msgspec

from tenure.client.call import Call, held, nothing, path, reads
from tenure.client.submission import EncodedJob, Submitted, encode_edit, new_key
from tenure.client.transport import Answer
from tenure.client.waiting import Wait
from tenure.domain.errors import TenureError
from tenure.telemetry import scope
from tenure.wire.base import Page, encode
from tenure.wire.explaining import Explanation
from tenure.wire.jobs import Batch, Job, JobEvent, LogLine, Run, Upcoming
from tenure.wire.limits import Limit
from tenure.wire.problem import to_error

MAX_BATCH = 10_000
"""Jobs in one request."""
MAX_BATCH_BYTES = 7 * 1024 * 1024
"""Bytes in one request: below the coordinator's default bound of 8 MiB."""
"""Items in one page of a list."""


class Filter(TypedDict, total=False):
    """What a list shows; all must hold. `status` takes one or more states, `q` is a filter such as
    `type:send_* not tag:slow created:<2h error:"timed out"`."""

    status: str | Sequence[str] | None
    queue: str | None
    type: str | None
    tag: str | None
    q: str | None


class _Id(msgspec.Struct):
    id: str


_job = reads(Job)
_jobs = reads(Page[Job])
_runs = reads(Page[Run])
_run = reads(Run)
_logs = reads(Page[LogLine])
_events = reads(Page[JobEvent])
_explanation = reads(Explanation)
_batch = reads(Batch)
_id = reads(_Id)
_limit = reads(Limit)
_limits = reads(Page[Limit])
_upcoming = reads(Page[Upcoming])


def submit(job: EncodedJob) -> Call[Submitted]:
    """One job. It travels under its key or one of the request's own: it may be sent again."""
    headers, (body,) = _keyed([job])
    decode = _submitted if job.keyed or job.unique else _submitted_new
    return Call("POST", path("jobs"), decode, body, headers, repeatable=True)


def submit_from(job: EncodedJob, *, named: bool) -> Call[Submitted]:
    """A job that a running one submits. One that is `named` in its workflow may be sent again."""
    return Call("POST", path("jobs"), _submitted, job.body, repeatable=named)


def _submitted(answer: Answer) -> Submitted:
    return Submitted(_id(answer).id, answer.headers.get("idempotency-replayed") == "true")


def _submitted_new(answer: Answer) -> Submitted:
    return Submitted(_id(answer).id)


def _keyed(jobs: Sequence[EncodedJob]) -> tuple[dict[str, str] | None, list[bytes]]:
    """One key for the request, or one for every job where a job brings its own: a key in the
    request costs the coordinator one row, keys in 10,000 jobs made it five times slower."""
    trace = scope.traceparent()
    headers = {} if trace is None else {"traceparent": trace}
    if any(job.keyed for job in jobs):
        return headers or None, [job.with_key() for job in jobs]
    return {**headers, "Idempotency-Key": new_key()}, [job.body for job in jobs]


def submit_all(jobs: Sequence[EncodedJob]) -> Call[list[Submitted]]:
    """All or none of the jobs, in order."""
    headers, bodies = _keyed(jobs)
    return Call(
        "POST",
        path("jobs", "batch"),
        _all_submitted,
        b"[" + b",".join(bodies) + b"]",
        headers,
        repeatable=True,
    )


def _all_submitted(answer: Answer) -> list[Submitted]:
    return [Submitted(item.id or "", item.outcome == "existing") for item in _batch(answer).items]


def submit_each(jobs: Sequence[EncodedJob]) -> Call[list[Submitted | TenureError]]:
    """Each of the jobs by itself, in order; a refused one is the error in its place."""
    headers, bodies = _keyed(jobs)
    return Call(
        "POST",
        path("jobs", "batch", atomic=False),
        _each_submitted,
        b"[" + b",".join(bodies) + b"]",
        headers,
        repeatable=True,
    )


def _each_submitted(answer: Answer) -> list[Submitted | TenureError]:
    return [
        _refused(item.error) if item.id is None else Submitted(item.id, item.outcome == "existing")
        for item in _batch(answer).items
    ]


def _refused(told: Any) -> TenureError:
    """The error of one item: a problem without what only a whole answer has."""
    known = told if isinstance(told, dict) else {}
    return to_error(encode({"type": "", "status": 422, **known}), 422)


def get(id_: str, wait: float | None = None) -> Call[Job]:
    """`wait`: seconds to hold the request until the job has ended."""
    where = path("jobs", id_, wait=wait)
    return Call("GET", where, _job, timeout=held(wait), repeatable=True)


def waiting(id_: str, timeout: timedelta | float | None) -> Wait[Job]:
    """A wait for the end of a job."""
    return Wait(lambda seconds: get(id_, seconds), timeout, f"job {id_}")


def page(shown: Filter, limit: int | None, after: str | None) -> Call[Page[Job]]:
    """One page of jobs, newest first."""
    query: dict[str, Any] = {**shown}
    return Call("GET", path("jobs", **query, limit=limit, after=after), _jobs, repeatable=True)


def update(id_: str, version: int | None, fields: Mapping[str, Any]) -> Call[Job]:
    """Change the given fields of a job that is not running; `version` must be current."""
    told = fields if version is None else {**fields, "version": version}
    return Call("PATCH", path("jobs", id_), _job, encode_edit(told))


def delete(id_: str) -> Call[None]:
    """Hide a job that is not running; an unfinished one is cancelled first."""
    return Call("DELETE", path("jobs", id_), nothing)


def act(id_: str, action: str, reason: str | None) -> Call[Job]:
    """cancel, retry, pause or resume. All but retry end in the same state when repeated."""
    body = encode({} if reason is None else {"reason": reason})
    return Call("POST", path("jobs", id_, action), _job, body, repeatable=action != "retry")


def runs(id_: str) -> Call[list[Run]]:
    """The attempts of a job, first to last."""
    return Call("GET", path("jobs", id_, "runs"), lambda a: _runs(a).items, repeatable=True)


def run(id_: str, fence: int) -> Call[Run]:
    """One attempt."""
    return Call("GET", path("jobs", id_, "runs", str(fence)), _run, repeatable=True)


def logs(id_: str, fence: int | None, limit: int | None, after: str | None) -> Call[Page[LogLine]]:
    """One page of what the handler logged, in order; of one attempt with `fence`."""
    where = path("jobs", id_, "logs", fence=fence, limit=limit, after=after)
    return Call("GET", where, _logs, repeatable=True)


def events(id_: str) -> Call[list[JobEvent]]:
    """What people did to a job and what befell it, in order."""
    return Call("GET", path("jobs", id_, "events"), lambda a: _events(a).items, repeatable=True)


def explain(id_: str) -> Call[Explanation]:
    """Why a job is where it is."""
    return Call("GET", path("jobs", id_, "explain"), _explanation, repeatable=True)


def pending(limit: int | None) -> Call[list[Upcoming]]:
    """What would be claimed, in order of claim."""
    where = path("jobs", "pending", limit=limit)
    return Call("GET", where, lambda a: _upcoming(a).items, repeatable=True)


def limits(limit: int | None, after: str | None) -> Call[Page[Limit]]:
    """One page of the limits of concurrency keys that are set or in use."""
    return Call("GET", path("limits", limit=limit, after=after), _limits, repeatable=True)


def limit(key: str) -> Call[Limit]:
    """A concurrency key's limit and its use."""
    return Call("GET", path("limits", key), _limit, repeatable=True)


def set_limit(key: str, max_running: int) -> Call[Limit]:
    """How many jobs of a key may be pending or running."""
    body = encode({"max_running": max_running})
    return Call("PUT", path("limits", key), _limit, body, repeatable=True)


def unset_limit(key: str) -> Call[None]:
    """Back to the default of one."""
    return Call("DELETE", path("limits", key), nothing, repeatable=True)


def openapi() -> Call[bytes]:
    """The OpenAPI document as it came."""
    return Call("GET", path("openapi.json"), lambda a: a.body, repeatable=True)
