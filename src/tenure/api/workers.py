"""The fleet for people and programs."""

from __future__ import annotations

from litestar import get, post
from litestar.params import FromPath, FromQuery

from tenure.api.exchange import Answer, Ask, answer, coordinator, principal_of
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire import workers
from tenure.wire.base import Page


@get(
    "/api/workers",
    operation_id="list_workers",
    summary="List workers, newest first",
    opt=allow(Permission.READ, answers={200: Page[workers.Worker]}),
)
async def list_workers(request: Ask, after: FromQuery[str | None] = None) -> Answer:
    return answer(await coordinator(request).fleet.list(after))


@get(
    "/api/workers/{worker_id:str}",
    operation_id="get_worker",
    summary="Read a worker",
    opt=allow(Permission.READ, answers={200: workers.Worker}),
)
async def get_worker(request: Ask, worker_id: FromPath[str]) -> Answer:
    return answer(await coordinator(request).fleet.get(worker_id))


@post(
    "/api/workers/{worker_id:str}/drain",
    operation_id="drain_worker",
    summary="Let a worker finish what it has and leave",
    status_code=200,
    opt=allow(Permission.ADMINISTER, answers={200: workers.Worker}),
)
async def drain(request: Ask, worker_id: FromPath[str]) -> Answer:
    fleet = coordinator(request).fleet
    return answer(await fleet.drain(worker_id, principal_of(request)))


ROUTES = [list_workers, get_worker, drain]
