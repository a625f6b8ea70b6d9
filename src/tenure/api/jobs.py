"""The job routes for people and programs."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from litestar import delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, QueryParameter

from tenure.api.exchange import (
    NDJSON,
    Answer,
    Ask,
    act,
    acting,
    answer,
    bounded_wait,
    content_type,
    coordinator,
    header,
    json_body,
    prefer_wait,
    principal_of,
)
from tenure.api.security import allow
from tenure.api.standing import Standing
from tenure.api.tracing import submitting
from tenure.coordinator.submission import Receipt
from tenure.domain.access import Permission
from tenure.domain.errors import Forbidden, Unauthenticated
from tenure.wire import jobs
from tenure.wire.base import Page


@post(
    "/api/jobs",
    operation_id="submit_job",
    summary="Submit a job",
    opt=allow(Permission.SUBMIT, body=jobs.JobIn, answers={201: jobs.Job}),
)
async def submit(request: Ask) -> Answer:
    body, wait = await json_body(request), prefer_wait(request)
    key = header(request, b"idempotency-key")
    with submitting(request, "job") as trace:
        receipt = await coordinator(request).submission.one(body, principal_of(request), key, trace)
    return await _submitted(request, receipt, wait)


async def _submitted(request: Ask, receipt: Receipt, wait: float) -> Answer:
    """201 with where the job is; after `Prefer: wait` with the job as it then is."""
    headers = {"Location": f"/api/jobs/{receipt.job_id}"}
    if receipt.replayed:
        headers["Idempotency-Replayed"] = "true"
    content: object = receipt.body
    if wait:
        headers["Preference-Applied"] = f"wait={wait:g}"
        # It is submitted, whatever becomes of the caller meanwhile.
        with suppress(Unauthenticated, Forbidden):
            content = await _waited(request, receipt.job_id, wait)
    return answer(content, 201, headers)


@post(
    "/api/jobs/batch",
    operation_id="submit_jobs",
    summary="Submit up to 10,000 jobs",
    opt=allow(Permission.SUBMIT, body=jobs.JobIn, many=True, answers={201: jobs.Batch}),
)
async def submit_batch(request: Ask, atomic: FromQuery[bool] = True) -> Answer:
    body = await json_body(request, NDJSON)
    with submitting(request, "batch") as trace:
        receipt = await coordinator(request).submission.many(
            body,
            principal_of(request),
            lines=content_type(request) == NDJSON,
            atomic=atomic,
            key=header(request, b"idempotency-key"),
            trace=trace,
        )
    headers = {"Idempotency-Replayed": "true"} if receipt.replayed else None
    return answer(receipt.body, 201, headers)


@get(
    "/api/jobs",
    operation_id="list_jobs",
    summary="List jobs, newest first",
    opt=allow(Permission.READ, answers={200: Page[jobs.Job]}),
)
async def list_jobs(
    request: Ask,
    status: FromQuery[list[str] | None] = None,
    queue: FromQuery[str | None] = None,
    type_: Annotated[str | None, QueryParameter(name="type")] = None,
    tag: FromQuery[str | None] = None,
    q: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    after: FromQuery[str | None] = None,
    page: FromQuery[int | None] = None,
    page_size: Annotated[int | None, QueryParameter(name="pageSize")] = None,
) -> Answer:
    found = await coordinator(request).control.list(
        principal_of(request),
        status=status,
        queue=queue,
        type_=type_,
        tag=tag,
        q=q,
        limit=limit,
        after=after,
        page=page,
        page_size=page_size,
    )
    return answer(found)


@get(
    "/api/jobs/pending",
    operation_id="list_pending_jobs",
    summary="What would be claimed, in order",
    opt=allow(Permission.READ, answers={200: Page[jobs.Upcoming]}),
)
async def pending(
    request: Ask,
    queue: FromQuery[str | None] = None,
    type_: Annotated[str | None, QueryParameter(name="type")] = None,
    limit: FromQuery[int] = 50,
) -> Answer:
    found = await coordinator(request).control.pending(
        principal_of(request), queue=queue, type_=type_, limit=limit
    )
    return answer(Page(items=list(found)))


@get(
    "/api/jobs/next",
    operation_id="next_job",
    summary="The job that would be claimed next; null when there is none",
    opt=allow(Permission.READ, answers={200: jobs.Upcoming | None}),
)
async def next_job(
    request: Ask,
    queue: FromQuery[str | None] = None,
    type_: Annotated[str | None, QueryParameter(name="type")] = None,
) -> Answer:
    found = await coordinator(request).control.pending(
        principal_of(request), queue=queue, type_=type_, limit=1
    )
    return answer(found[0] if found else None)


@get(
    "/api/jobs/{job_id:str}",
    operation_id="get_job",
    summary="Read a job, waiting for its end if asked",
    opt=allow(Permission.READ, answers={200: jobs.Job}),
)
async def get_job(request: Ask, job_id: FromPath[str], wait: FromQuery[float] = 0.0) -> Answer:
    seconds = bounded_wait(wait, "wait")
    job = await _waited(request, job_id, seconds)
    return answer(job, headers={"ETag": f'"{job.version}"'})


async def _waited(request: Ask, job_id: str, seconds: float) -> jobs.Job:
    still = Standing(request).check
    return await coordinator(request).wait(job_id, principal_of(request), seconds, still)


@put(
    "/api/jobs/{job_id:str}",
    operation_id="replace_job",
    summary="Edit a job that is not running",
    opt=allow(Permission.CONTROL, body=jobs.JobEdit, answers={200: jobs.Job}),
)
async def replace(request: Ask, job_id: FromPath[str]) -> Answer:
    return await _edit(request, job_id)


@patch(
    "/api/jobs/{job_id:str}",
    operation_id="edit_job",
    summary="Edit a job that is not running",
    opt=allow(Permission.CONTROL, body=jobs.JobEdit, answers={200: jobs.Job}),
)
async def edit(request: Ask, job_id: FromPath[str]) -> Answer:
    return await _edit(request, job_id)


async def _edit(request: Ask, job_id: str) -> Answer:
    job = await coordinator(request).edit(
        job_id, await json_body(request), principal_of(request), header(request, b"if-match")
    )
    return answer(job, headers={"ETag": f'"{job.version}"'})


@delete(
    "/api/jobs/{job_id:str}",
    operation_id="delete_job",
    summary="Delete a job; an unfinished one is cancelled first",
    status_code=204,
    opt=allow(Permission.CONTROL),
)
async def delete_job(request: Ask, job_id: FromPath[str]) -> None:
    await coordinator(request).control.delete(job_id, principal_of(request))


@post(
    "/api/jobs/{job_id:str}/cancel",
    operation_id="cancel_job",
    summary="Cancel a job",
    status_code=200,
    opt=acting(Permission.CONTROL, jobs.Job),
)
async def cancel(request: Ask, job_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).control.cancel, job_id))


@post(
    "/api/jobs/{job_id:str}/retry",
    operation_id="retry_job",
    summary="Run a finished job again",
    status_code=200,
    opt=acting(Permission.EXECUTE, jobs.Job),
)
async def retry(request: Ask, job_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).control.retry, job_id))


@post(
    "/api/jobs/{job_id:str}/pause",
    operation_id="pause_job",
    summary="Hold a job back",
    status_code=200,
    opt=acting(Permission.CONTROL, jobs.Job),
)
async def pause(request: Ask, job_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).control.pause, job_id))


@post(
    "/api/jobs/{job_id:str}/resume",
    operation_id="resume_job",
    summary="Let a paused job go on",
    status_code=200,
    opt=acting(Permission.EXECUTE, jobs.Job),
)
async def resume(request: Ask, job_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).control.resume, job_id))


ROUTES = [
    submit, submit_batch, list_jobs, pending, next_job, get_job, replace, edit, delete_job, cancel,
    retry, pause, resume,
]  # fmt: skip
