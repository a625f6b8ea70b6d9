"""The routes of limits of concurrency keys."""

from __future__ import annotations

from litestar import delete, get, put
from litestar.params import FromPath, FromQuery

from tenure.api.exchange import (
    Answer,
    Ask,
    answer,
    coordinator,
    model_body,
    principal_of,
    rest_of_path,
)
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire import limits
from tenure.wire.base import Page

_LIMITS = "/api/limits/"


@get(
    "/api/limits",
    operation_id="list_limits",
    summary="Limits of concurrency keys that are set or in use",
    opt=allow(Permission.READ, answers={200: Page[limits.Limit]}),
)
async def list_limits(
    request: Ask, limit: FromQuery[int | None] = None, after: FromQuery[str | None] = None
) -> Answer:
    return answer(await coordinator(request).limiting.list(principal_of(request), limit, after))


@get(
    "/api/limits/{key:path}",
    operation_id="get_limit",
    summary="The limit of a concurrency key and its use",
    opt=allow(Permission.READ, answers={200: limits.Limit}),
)
async def get_limit(request: Ask, key: FromPath[str]) -> Answer:
    key = rest_of_path(request, _LIMITS)
    return answer(await coordinator(request).limiting.get(key, principal_of(request)))


@put(
    "/api/limits/{key:path}",
    operation_id="set_limit",
    summary="Set how many jobs of a concurrency key may be pending or running",
    opt=allow(Permission.ADMINISTER, body=limits.LimitIn, answers={200: limits.Limit}),
)
async def set_limit(request: Ask, key: FromPath[str]) -> Answer:
    wanted = await model_body(request, limits.LimitIn)
    key, limiting = rest_of_path(request, _LIMITS), coordinator(request).limiting
    return answer(await limiting.set(key, wanted.max_running, principal_of(request)))


@delete(
    "/api/limits/{key:path}",
    operation_id="unset_limit",
    summary="Put a concurrency key back to the default of one",
    status_code=204,
    opt=allow(Permission.ADMINISTER),
)
async def unset_limit(request: Ask, key: FromPath[str]) -> None:
    key = rest_of_path(request, _LIMITS)
    await coordinator(request).limiting.unset(key, principal_of(request))


ROUTES = [list_limits, get_limit, set_limit, unset_limit]
