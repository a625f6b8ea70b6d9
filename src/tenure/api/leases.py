"""The worker routes: a worker in any language can be written from them."""

from __future__ import annotations

from functools import partial

import msgspec
from litestar import delete, post
from litestar.params import FromPath

from tenure.api.exchange import (
    Answer,
    Ask,
    answer,
    coordinator,
    model_body,
    principal_of,
    struct_body,
    watching,
)
from tenure.api.security import allow
from tenure.api.standing import Standing
from tenure.domain.access import Permission
from tenure.wire import jobs, leases, workers

_ACQUIRE = msgspec.json.Decoder(leases.Acquire)
_HEARTBEAT = msgspec.json.Decoder(leases.Heartbeat)
_COMPLETE_ONE = msgspec.json.Decoder(leases.CompleteOne)
_COMPLETE_MANY = msgspec.json.Decoder(leases.CompleteMany)
_RELEASE = msgspec.json.Decoder(leases.Release)
_LOGS = msgspec.json.Decoder(leases.Logs)


@post(
    "/api/workers/register",
    operation_id="register_worker",
    summary="Register a worker",
    opt=allow(Permission.WORK, body=workers.RegisterIn, answers={201: workers.Registered}),
)
async def register(request: Ask) -> Answer:
    asked = await model_body(request, workers.RegisterIn)
    return answer(await coordinator(request).fleet.register(asked, principal_of(request)), 201)


@post(
    "/api/jobs/acquire",
    operation_id="acquire_leases",
    summary="Lease jobs, waiting for the first",
    status_code=200,
    opt=allow(Permission.WORK, body=leases.Acquire, answers={200: leases.Acquired}),
)
async def acquire(request: Ask) -> Answer:
    asked = await struct_body(request, _ACQUIRE)
    _of_worker(request, asked.worker_id)
    here = coordinator(request)
    leave = partial(here.wakeups.tell, (asked.worker_id,))
    with watching(request, leave) as gone, Standing(request).watched(leave) as barred:
        return answer(await here.leasing.acquire(asked, lambda: gone() or barred()))


@post(
    "/api/workers/{worker_id:str}/heartbeat",
    operation_id="heartbeat",
    summary="Renew every lease of a worker",
    status_code=200,
    opt=allow(Permission.WORK, body=leases.Heartbeat, answers={200: leases.HeartbeatAnswer}),
)
async def heartbeat(request: Ask, worker_id: FromPath[str]) -> Answer:
    _of_worker(request, worker_id)
    beat = await struct_body(request, _HEARTBEAT)
    return answer(await coordinator(request).leasing.heartbeat(worker_id, beat))


@post(
    "/api/jobs/{job_id:str}/complete",
    operation_id="complete_job",
    summary="Report how an attempt ended",
    status_code=200,
    opt=allow(Permission.WORK, body=leases.CompleteOne, answers={200: jobs.Job}),
)
async def complete_one(request: Ask, job_id: FromPath[str]) -> Answer:
    report = await struct_body(request, _COMPLETE_ONE)
    _of_worker(request, report.worker_id)
    return answer(await coordinator(request).complete_one(job_id, report))


@post(
    "/api/jobs/complete",
    operation_id="complete_jobs",
    summary="Report how several attempts ended",
    status_code=200,
    opt=allow(Permission.WORK, body=leases.CompleteMany, answers={200: leases.Completed}),
)
async def complete_many(request: Ask) -> Answer:
    reports = await struct_body(request, _COMPLETE_MANY)
    _of_worker(request, reports.worker_id)
    with watching(request, lambda: None) as gone:
        return answer(await coordinator(request).leasing.complete_many(reports, gone))


@post(
    "/api/jobs/release",
    operation_id="release_leases",
    summary="Give leases back, attempts included",
    status_code=200,
    opt=allow(Permission.WORK, body=leases.Release, answers={200: leases.ReleasedCount}),
)
async def release(request: Ask) -> Answer:
    asked = await struct_body(request, _RELEASE)
    _of_worker(request, asked.worker_id)
    return answer(leases.ReleasedCount(released=await coordinator(request).leasing.release(asked)))


@post(
    "/api/jobs/{job_id:str}/logs",
    operation_id="append_logs",
    summary="Append log lines of a run",
    status_code=200,
    opt=allow(Permission.WORK, body=leases.Logs, answers={200: leases.Logged}),
)
async def append_logs(request: Ask, job_id: FromPath[str]) -> Answer:
    lines = await struct_body(request, _LOGS)
    _of_worker(request, lines.worker_id)
    return answer(await coordinator(request).control.append_logs(job_id, lines))


@delete(
    "/api/workers/{worker_id:str}",
    operation_id="goodbye",
    summary="A worker leaves; what it holds is released",
    status_code=204,
    opt=allow(Permission.WORK),
)
async def goodbye(request: Ask, worker_id: FromPath[str]) -> None:
    _of_worker(request, worker_id)
    await coordinator(request).fleet.goodbye(worker_id)


def _of_worker(request: Ask, worker_id: str) -> None:
    """Raises Forbidden unless the caller is that worker."""
    principal_of(request).check_worker(worker_id)


ROUTES = [
    register,
    acquire,
    heartbeat,
    complete_one,
    complete_many,
    release,
    append_logs,
    goodbye,
]
