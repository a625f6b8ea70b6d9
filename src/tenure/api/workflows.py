"""The workflow routes."""

from __future__ import annotations

from litestar import get, post
from litestar.params import FromPath, FromQuery

from tenure.api.exchange import (
    Answer,
    Ask,
    act,
    acting,
    answer,
    bounded_wait,
    coordinator,
    header,
    json_body,
    principal_of,
)
from tenure.api.security import allow
from tenure.api.standing import Standing
from tenure.api.tracing import submitting
from tenure.domain.access import Permission
from tenure.wire import workflows as wire
from tenure.wire.base import Page
from tenure.wire.graphs import WorkflowBody


@post(
    "/api/workflows",
    operation_id="submit_workflow",
    summary="Submit jobs that depend on each other, all or none",
    opt=allow(Permission.EXECUTE, body=WorkflowBody, answers={201: wire.Workflow}),
)
async def submit(request: Ask) -> Answer:
    body, key = await json_body(request), header(request, b"idempotency-key")
    with submitting(request, "workflow") as trace:
        workflows = coordinator(request).workflows
        receipt = await workflows.submit(body, principal_of(request), key, trace)
    headers = {"Location": f"/api/workflows/{receipt.job_id}"}
    if receipt.replayed:
        headers["Idempotency-Replayed"] = "true"
    return answer(receipt.body, 201, headers)


@get(
    "/api/workflows",
    operation_id="list_workflows",
    summary="List workflows, newest first",
    opt=allow(Permission.READ, answers={200: Page[wire.Workflow]}),
)
async def list_workflows(
    request: Ask,
    status: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    after: FromQuery[str | None] = None,
) -> Answer:
    found = await coordinator(request).workflows.list(
        principal_of(request), status=status, limit=limit, after=after
    )
    return answer(found)


@get(
    "/api/workflows/{workflow_id:str}",
    operation_id="get_workflow",
    summary="Read a workflow with its jobs, waiting for its end if asked",
    opt=allow(Permission.READ, answers={200: wire.WorkflowDetail}),
)
async def get_workflow(
    request: Ask, workflow_id: FromPath[str], wait: FromQuery[float] = 0.0
) -> Answer:
    seconds = bounded_wait(wait, "wait")
    here, still = coordinator(request).workflows, Standing(request).check
    return answer(await here.get(workflow_id, principal_of(request), seconds, still))


@post(
    "/api/workflows/{workflow_id:str}/cancel",
    operation_id="cancel_workflow",
    summary="Cancel every unfinished job of a workflow",
    status_code=200,
    opt=acting(Permission.CONTROL, wire.Workflow),
)
async def cancel(request: Ask, workflow_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).workflows.cancel, workflow_id))


@post(
    "/api/workflows/{workflow_id:str}/retry",
    operation_id="retry_workflow",
    summary="Run again what failed, expired or was cancelled",
    status_code=200,
    opt=acting(Permission.EXECUTE, wire.Workflow),
)
async def retry(request: Ask, workflow_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).workflows.retry, workflow_id))


ROUTES = [submit, list_workflows, get_workflow, cancel, retry]
