"""The schedule routes."""

from __future__ import annotations

from litestar import delete, get, patch, post, put
from litestar.params import FromPath, FromQuery

from tenure.api.exchange import (
    Answer,
    Ask,
    act,
    acting,
    answer,
    coordinator,
    header,
    json_body,
    model_body,
    optional_body,
    principal_of,
)
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire import jobs, schedules
from tenure.wire.base import Page


@post(
    "/api/schedules",
    operation_id="create_schedule",
    summary="Create a schedule",
    opt=allow(Permission.EXECUTE, body=schedules.ScheduleIn, answers={201: schedules.Schedule}),
)
async def create(request: Ask) -> Answer:
    made = await coordinator(request).scheduling.create(
        await json_body(request), principal_of(request), header(request, b"idempotency-key")
    )
    return answer(made, 201, {"Location": f"/api/schedules/{made.id}"} | _etag(made))


@get(
    "/api/schedules",
    operation_id="list_schedules",
    summary="List schedules, newest first",
    opt=allow(Permission.READ, answers={200: Page[schedules.Schedule]}),
)
async def list_schedules(
    request: Ask,
    status: FromQuery[str | None] = None,
    name: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    after: FromQuery[str | None] = None,
) -> Answer:
    found = await coordinator(request).scheduling.list(
        principal_of(request), status=status, name=name, limit=limit, after=after
    )
    return answer(found)


@get(
    "/api/schedules/preview",
    operation_id="preview_schedule",
    summary="The next times of any expression",
    opt=allow(Permission.READ, answers={200: schedules.NextTimes}),
)
async def preview(
    request: Ask,
    cron: FromQuery[str | None] = None,
    every_seconds: FromQuery[float | None] = None,
    timezone: FromQuery[str] = "UTC",
    after: FromQuery[str | None] = None,
    count: FromQuery[int | None] = None,
) -> Answer:
    found = coordinator(request).scheduling.preview(
        cron=cron, every_seconds=every_seconds, timezone=timezone, after=after, count=count
    )
    return answer(found)


@get(
    "/api/schedules/{schedule_id:str}",
    operation_id="get_schedule",
    summary="Read a schedule",
    opt=allow(Permission.READ, answers={200: schedules.Schedule}),
)
async def get_schedule(request: Ask, schedule_id: FromPath[str]) -> Answer:
    found = await coordinator(request).scheduling.get(schedule_id, principal_of(request))
    return answer(found, headers=_etag(found))


@put(
    "/api/schedules/{schedule_id:str}",
    operation_id="replace_schedule",
    summary="Change a schedule",
    opt=allow(Permission.CONTROL, body=schedules.ScheduleEdit, answers={200: schedules.Schedule}),
)
async def replace(request: Ask, schedule_id: FromPath[str]) -> Answer:
    return await _edit(request, schedule_id)


@patch(
    "/api/schedules/{schedule_id:str}",
    operation_id="edit_schedule",
    summary="Change a schedule",
    opt=allow(Permission.CONTROL, body=schedules.ScheduleEdit, answers={200: schedules.Schedule}),
)
async def edit(request: Ask, schedule_id: FromPath[str]) -> Answer:
    return await _edit(request, schedule_id)


async def _edit(request: Ask, schedule_id: str) -> Answer:
    changed = await coordinator(request).scheduling.edit(
        schedule_id,
        await json_body(request),
        principal_of(request),
        header(request, b"if-match"),
    )
    return answer(changed, headers=_etag(changed))


def _etag(schedule: schedules.Schedule) -> dict[str, str]:
    return {"ETag": f'"{schedule.version}"'}


@delete(
    "/api/schedules/{schedule_id:str}",
    operation_id="delete_schedule",
    summary="Delete a schedule; its jobs stay",
    status_code=204,
    opt=allow(Permission.CONTROL),
)
async def delete_schedule(request: Ask, schedule_id: FromPath[str]) -> None:
    await coordinator(request).scheduling.delete(schedule_id, principal_of(request))


@post(
    "/api/schedules/{schedule_id:str}/pause",
    operation_id="pause_schedule",
    summary="Stop firing until resumed",
    status_code=200,
    opt=acting(Permission.CONTROL, schedules.Schedule),
)
async def pause(request: Ask, schedule_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).scheduling.pause, schedule_id))


@post(
    "/api/schedules/{schedule_id:str}/resume",
    operation_id="resume_schedule",
    summary="Fire again from now on",
    status_code=200,
    opt=acting(Permission.EXECUTE, schedules.Schedule),
)
async def resume(request: Ask, schedule_id: FromPath[str]) -> Answer:
    return answer(await act(request, coordinator(request).scheduling.resume, schedule_id))


@post(
    "/api/schedules/{schedule_id:str}/trigger",
    operation_id="trigger_schedule",
    summary="Submit the schedule's job once now",
    opt=acting(Permission.EXECUTE, jobs.Job, 201),
)
async def trigger(request: Ask, schedule_id: FromPath[str]) -> Answer:
    action = await optional_body(request, jobs.ActionIn)
    key = header(request, b"idempotency-key")
    job = await coordinator(request).scheduling.trigger(
        schedule_id, principal_of(request), action.reason, key
    )
    return answer(job, 201, {"Location": f"/api/jobs/{job.id}"})


@post(
    "/api/schedules/{schedule_id:str}/backfill",
    operation_id="backfill_schedule",
    summary="Fire the times of a range that have not fired, or preview them",
    status_code=200,
    opt=allow(Permission.EXECUTE, body=schedules.BackfillIn, answers={200: schedules.Backfilled}),
)
async def backfill(request: Ask, schedule_id: FromPath[str]) -> Answer:
    wanted = await model_body(request, schedules.BackfillIn)
    scheduling = coordinator(request).scheduling
    return answer(await scheduling.backfill(schedule_id, wanted, principal_of(request)))


@get(
    "/api/schedules/{schedule_id:str}/fires",
    operation_id="list_schedule_fires",
    summary="What became of a schedule's times, newest first",
    opt=allow(Permission.READ, answers={200: Page[schedules.Fire]}),
)
async def fires(
    request: Ask,
    schedule_id: FromPath[str],
    limit: FromQuery[int | None] = None,
    after: FromQuery[str | None] = None,
) -> Answer:
    found = await coordinator(request).scheduling.fires(
        schedule_id, principal_of(request), limit=limit, after=after
    )
    return answer(found)


@get(
    "/api/schedules/{schedule_id:str}/jobs",
    operation_id="list_schedule_jobs",
    summary="A schedule's jobs, newest first",
    opt=allow(Permission.READ, answers={200: Page[jobs.Job]}),
)
async def list_jobs(
    request: Ask,
    schedule_id: FromPath[str],
    limit: FromQuery[int | None] = None,
    after: FromQuery[str | None] = None,
) -> Answer:
    found = await coordinator(request).scheduling.jobs(
        schedule_id, principal_of(request), limit=limit, after=after
    )
    return answer(found)


@get(
    "/api/schedules/{schedule_id:str}/next",
    operation_id="list_schedule_times",
    summary="A schedule's next times",
    opt=allow(Permission.READ, answers={200: schedules.NextTimes}),
)
async def next_times(
    request: Ask, schedule_id: FromPath[str], count: FromQuery[int | None] = None
) -> Answer:
    scheduling = coordinator(request).scheduling
    return answer(await scheduling.next(schedule_id, principal_of(request), count))


ROUTES = [
    create, list_schedules, preview, get_schedule, replace, edit, delete_schedule, pause, resume,
    trigger, backfill, fires, list_jobs, next_times,
]  # fmt: skip
