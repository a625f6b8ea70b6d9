"""The routes of operations: one action on every job of a filter."""

from __future__ import annotations

from litestar import get, post
from litestar.params import FromPath, FromQuery

from tenure.api.exchange import (
    Answer,
    Ask,
    answer,
    coordinator,
    model_body,
    optional_body,
    principal_of,
)
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire.base import Page
from tenure.wire.operations import AbortIn, Operation, OperationIn, Preview


@post(
    "/api/operations",
    operation_id="begin_operation",
    summary="Do one thing to every job of a filter, or count them",
    opt=allow(Permission.CONTROL, body=OperationIn, answers={200: Preview, 201: Operation}),
)
async def begin(request: Ask) -> Answer:
    asked = await model_body(request, OperationIn)
    operations = coordinator(request).operations
    if asked.dry_run:
        return answer(await operations.preview(asked, principal_of(request)))
    begun = await operations.begin(asked, principal_of(request))
    return answer(begun, 201, {"Location": f"/api/operations/{begun.id}"})


@get(
    "/api/operations",
    operation_id="list_operations",
    summary="List operations, newest first",
    opt=allow(Permission.READ, answers={200: Page[Operation]}),
)
async def list_operations(
    request: Ask, limit: FromQuery[int | None] = None, after: FromQuery[str | None] = None
) -> Answer:
    operations = coordinator(request).operations
    return answer(await operations.list(principal_of(request), limit=limit, after=after))


@get(
    "/api/operations/{operation_id:str}",
    operation_id="get_operation",
    summary="How far an operation is",
    opt=allow(Permission.READ, answers={200: Operation}),
)
async def get_operation(request: Ask, operation_id: FromPath[str]) -> Answer:
    operations = coordinator(request).operations
    return answer(await operations.get(operation_id, principal_of(request)))


@post(
    "/api/operations/{operation_id:str}/abort",
    operation_id="abort_operation",
    summary="Do no more of an operation",
    status_code=200,
    opt=allow(Permission.CONTROL, body=AbortIn, optional=True, answers={200: Operation}),
)
async def abort(request: Ask, operation_id: FromPath[str]) -> Answer:
    action = await optional_body(request, AbortIn)
    operations = coordinator(request).operations
    return answer(await operations.abort(operation_id, principal_of(request), action.reason))


ROUTES = [begin, list_operations, get_operation, abort]
