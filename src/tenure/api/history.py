"""What happened to a job: runs, logs, events; and why it is where it is."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import FromPath, FromQuery, HeaderParameter
from litestar.types import ASGIApp

from tenure.api.exchange import Answer, Ask, answer, coordinator, principal_of
from tenure.api.security import allow
from tenure.api.standing import Standing
from tenure.api.streams import EVENTS, log_events
from tenure.coordinator.explaining import explain
from tenure.domain.access import Permission
from tenure.wire import jobs
from tenure.wire.base import Page
from tenure.wire.explaining import Explanation


@get(
    "/api/jobs/{job_id:str}/runs",
    operation_id="list_runs",
    summary="The attempts of a job, oldest first",
    opt=allow(Permission.READ, answers={200: Page[jobs.Run]}),
)
async def runs(request: Ask, job_id: FromPath[str]) -> Answer:
    found = await coordinator(request).control.runs(job_id, principal_of(request))
    return answer(Page(items=list(found)))


@get(
    "/api/jobs/{job_id:str}/runs/{fence:int}",
    operation_id="get_run",
    summary="One attempt of a job",
    opt=allow(Permission.READ, answers={200: jobs.Run}),
)
async def run(request: Ask, job_id: FromPath[str], fence: FromPath[int]) -> Answer:
    return answer(await coordinator(request).control.run(job_id, fence, principal_of(request)))


@get(
    "/api/jobs/{job_id:str}/logs",
    operation_id="list_logs",
    summary="Log lines of a job's runs, oldest first; followed until its end if asked",
    opt=allow(Permission.READ, answers={200: Page[jobs.LogLine]}, streams=EVENTS),
)
async def logs(
    request: Ask,
    job_id: FromPath[str],
    fence: FromQuery[int | None] = None,
    after: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    follow: FromQuery[bool] = False,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
) -> ASGIApp:
    if follow:
        beyond = last_event_id or after
        following = coordinator(request).following
        parts = await following.open(job_id, principal_of(request), fence=fence, after=beyond)
        return log_events(parts, Standing(request).holds)
    found = await coordinator(request).control.logs(
        job_id, principal_of(request), fence=fence, after=after, limit=limit
    )
    return answer(found)


@get(
    "/api/jobs/{job_id:str}/events",
    operation_id="list_job_events",
    summary="What people and the coordinator did with a job, oldest first",
    opt=allow(Permission.READ, answers={200: Page[jobs.JobEvent]}),
)
async def events(request: Ask, job_id: FromPath[str]) -> Answer:
    found = await coordinator(request).control.events(job_id, principal_of(request))
    return answer(Page(items=list(found)))


@get(
    "/api/jobs/{job_id:str}/explain",
    operation_id="explain_job",
    summary="Why a job is where it is, and when it may start",
    opt=allow(Permission.READ, answers={200: Explanation}),
)
async def explain_job(request: Ask, job_id: FromPath[str]) -> Answer:
    return answer(await explain(coordinator(request).reader, job_id, principal_of(request)))


ROUTES = [runs, run, logs, events, explain_job]
