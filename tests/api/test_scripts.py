"""Jobs that carry their own code need a permission wherever they come from."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.access import Kind, Permission
from tenure.store import tables as t
from tenure.store import tables_schedules as s
from tests.api.calls import Api, Callers, fresh_queue, problem, with_token
from tests.api.test_ownership import made, operation

pytestmark = pytest.mark.anyio
CRON = "0 0 1 1 *"
OLD = {"from": "2026-10-01T00:00:00Z", "to": "2026-10-03T00:00:00Z"}


@pytest.mark.parametrize("type_", ["python", "shell"])
async def test_users_submit_no_scripts(callers: Callers, type_: str) -> None:
    script = {"type": type_, "payload": {"script_content": "print(1)"}}
    flow = {"jobs": [{"key": "a", "type": "echo"}, {"key": "b", **script}]}
    for path, body in (
        ("/api/jobs", script),
        ("/api/jobs/batch", [{"type": "echo"}, script]),
        ("/api/workflows", flow),
        ("/api/schedules", {"cron": CRON, "job": script}),
        ("/api/schedules", {"cron": CRON, "workflow": flow}),
    ):
        problem(await callers.user.client.post(path, json=body), 403, "forbidden")
        await made(callers.admin, path, body)
    answer = await callers.user.client.post(
        "/api/jobs/batch?atomic=false", json=[script, {"type": "echo"}]
    )
    assert [item["outcome"] for item in answer.json()["items"]] == ["refused", "created"]


async def test_the_short_spelling_is_a_script_too(callers: Callers) -> None:
    problem(await callers.user.client.post("/api/jobs", json={"script_content": "1"}), 403)
    problem(await callers.user.client.post("/api/jobs", json={"scriptContent": "1"}), 403)


async def test_no_job_and_no_schedule_becomes_a_script(callers: Callers) -> None:
    [job_id] = await callers.user.submit(fresh_queue())
    for method in ("PUT", "PATCH"):
        answer = await callers.user.client.request(
            method, f"/api/jobs/{job_id}", json={"type": "python"}
        )
        problem(answer, 403, "forbidden")
    assert (await callers.user.job(job_id))["type"] == "echo"
    schedule = await made(callers.user, "/api/schedules", {"cron": CRON, "job": {"type": "echo"}})
    answer = await callers.user.client.patch(
        f"/api/schedules/{schedule['id']}", json={"job": {"type": "shell"}}
    )
    problem(answer, 403, "forbidden")


async def test_a_unique_key_smuggles_no_script(callers: Callers) -> None:
    unique = {"key": fresh_queue(), "on_conflict": "replace"}
    job = await made(callers.user, "/api/jobs", {"type": "echo", "unique": unique})
    body = {"type": "shell", "payload": {"script": "id"}, "unique": unique}
    problem(await callers.user.client.post("/api/jobs", json=body), 403, "forbidden")
    assert (await callers.user.job(job["id"]))["type"] == "echo"


async def owned_scripts(callers: Callers, queue: str) -> tuple[str, str]:
    """A cancelled script job and a script schedule of the user, who has lost the permission."""
    user = callers.ids["user"]
    job = {"type": "shell", "queue": queue, "payload": {"script": "id"}}
    job_id = (await made(callers.admin, "/api/jobs", job))["id"]
    schedule = (await made(callers.admin, "/api/schedules", {"cron": CRON, "job": job}))["id"]
    await give(callers.admin, user, job_id, schedule)
    await callers.user.client.post(f"/api/jobs/{job_id}/cancel")
    return job_id, schedule


async def give(api: Api, owner_id: str, job_id: str, schedule_id: str) -> None:
    """What the user made while they were an Admin."""

    def change(unit: Any) -> None:
        for table, id_ in ((t.jobs, job_id), (s.schedules, schedule_id)):
            unit.execute(sa.update(table).where(table.c.id == id_).values(owner_id=owner_id))
        active = sa.update(t.active_jobs).where(t.active_jobs.c.job_id == job_id)
        unit.execute(active.values(owner_id=owner_id))

    await api.coordinator.committer.run(change)


async def test_a_script_runs_again_for_who_may_run_it(callers: Callers) -> None:
    queue = fresh_queue()
    job_id, schedule = await owned_scripts(callers, queue)
    client = callers.user.client
    assert (await callers.user.job(job_id))["status"] == "cancelled"
    problem(await client.post(f"/api/jobs/{job_id}/retry"), 403, "forbidden")
    told = await operation(callers.user, queue, "retry")
    assert (told["done"], told["refused"]) == (0, 1)
    for ending, body in (("trigger", {}), ("backfill", OLD)):
        problem(await client.post(f"/api/schedules/{schedule}/{ending}", json=body), 403)
    assert (await client.post(f"/api/schedules/{schedule}/pause")).status_code == 200
    problem(await client.post(f"/api/schedules/{schedule}/resume"), 403, "forbidden")
    problem(await client.patch(f"/api/schedules/{schedule}", json={"cron": "* * * * *"}), 403)
    assert (await callers.user.job(job_id))["status"] == "cancelled"
    retried = await callers.admin.client.post(f"/api/jobs/{job_id}/retry")
    assert retried.json()["status"] == "pending"
    problem(await client.patch(f"/api/jobs/{job_id}", json={"payload": {"script": "x"}}), 403)
    assert (await client.post(f"/api/jobs/{job_id}/pause")).status_code == 200
    problem(await client.post(f"/api/jobs/{job_id}/resume"), 403, "forbidden")


async def test_a_running_job_adds_no_script_for_its_worker(callers: Callers) -> None:
    queue = fresh_queue()
    await callers.user.submit(queue)
    worker = await callers.admin.register(queue)
    [lease] = await worker.acquire()
    parent = {"job_id": lease["job_id"], "fence": lease["fence"]}
    body = {"type": "shell", "parent": parent}
    for api in (callers.user, callers.worker):
        problem(await api.client.post("/api/jobs", json=body), 403, "forbidden")


async def test_what_runs_is_changed_by_who_may_make_it_run(callers: Callers) -> None:
    """A token that may only hold back and tidy up does not choose code."""
    user = callers.ids["user"]
    queue = fresh_queue()
    [job_id] = await callers.user.submit(queue)
    schedule = await made(callers.user, "/api/schedules", {"cron": CRON, "job": {"type": "echo"}})
    scopes = (Permission.READ, Permission.CONTROL)
    async with AsyncExitStack() as stack:
        narrow = await with_token(callers.anonymous, stack, Kind.API_TOKEN, user, scopes=scopes)
        job, path = f"/api/jobs/{job_id}", f"/api/schedules/{schedule['id']}"
        wanted = ((job, {"payload": 9}), (job, {"type": "x"}), (path, {"job": {"type": "x"}}))
        for where, body in wanted:
            problem(await narrow.client.patch(where, json=body), 403, "forbidden")
        for where in (job, path):
            assert (await narrow.client.patch(where, json={"name": "n"})).status_code == 200
        await narrow.client.post(f"{job}/cancel")
        again = {"action": "retry", "filter": f"queue:{queue}"}
        problem(await narrow.client.post("/api/operations", json=again), 403, "forbidden")
        problem(await narrow.client.post(f"{job}/retry"), 403, "forbidden")
