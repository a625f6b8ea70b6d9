"""Routes of earlier systems that keep their callers working, in one place.

Their body fields (`scheduled_at`, `script_content`, `cron`) stand in `tenure.wire.aliases`.
"""

from __future__ import annotations

from litestar import get, patch, post
from litestar.params import FromPath

from tenure.api import auth
from tenure.api.exchange import Answer, Ask, act, acting, answer, coordinator, principal_of
from tenure.api.security import allow
from tenure.api.system import readiness
from tenure.domain.access import Permission
from tenure.wire import access, jobs, system


@patch(
    "/api/jobs/{job_id:str}/pause",
    operation_id="pause_job_by_patch",
    summary="Hold a job back (as POST)",
    opt=acting(Permission.CONTROL, jobs.Job),
)
async def pause(request: Ask, job_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).control.pause, job_id))


@patch(
    "/api/jobs/{job_id:str}/resume",
    operation_id="resume_job_by_patch",
    summary="Let a paused job go on (as POST)",
    opt=acting(Permission.EXECUTE, jobs.Job),
)
async def resume(request: Ask, job_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).control.resume, job_id))


@get(
    "/api/job-status/{job_id:str}",
    operation_id="get_job_status",
    summary="Read a job (as GET /api/jobs/{id})",
    opt=allow(Permission.READ, answers={200: jobs.Job}),
)
async def job_status(request: Ask, job_id: FromPath[str]) -> Answer:
    return answer(await coordinator(request).control.get(job_id, principal_of(request)))


@get(
    "/api/health",
    operation_id="get_api_health",
    summary="Readiness (as GET /health/ready)",
    opt=allow(Permission.OPEN, answers={200: system.Readiness, 503: system.Readiness}),
)
async def health(request: Ask) -> Answer:
    return readiness(request)


@get(
    "/api/health/metrics",
    operation_id="get_health_metrics",
    summary="Numbers (as GET /api/stats)",
    opt=allow(Permission.READ, answers={200: system.Stats}),
)
async def health_metrics(request: Ask) -> Answer:
    return answer(await coordinator(request).insight.stats())


@post(
    "/api/auth/signup",
    operation_id="sign_up",
    summary="Make an account (as POST /api/auth/register)",
    opt=allow(Permission.OPEN, body=access.SignUpIn, answers={201: access.User}),
)
async def sign_up(request: Ask) -> Answer:
    return await auth.sign_up(request)


ROUTES = [sign_up, pause, resume, job_status, health, health_metrics]
