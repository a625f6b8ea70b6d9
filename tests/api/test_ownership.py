"""What others own is not there, however an id comes in: in the path, a body, a batch, a graph, a
filter, an operation, a template."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.calls import Api, Callers, fresh_queue, problem

pytestmark = pytest.mark.anyio
UNKNOWN = "0193474a-0000-7000-8000-00000000ffff"
GRAPH = {"jobs": [{"key": "a", "type": "echo"}]}
CRON = {"cron": "0 0 1 1 *", "job": {"type": "echo"}}


async def made(api: Api, path: str, body: Any) -> dict[str, Any]:
    answer = await api.client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def operation(api: Api, queue: str, action: str = "cancel", **more: Any) -> dict[str, Any]:
    """Begin one on a queue's jobs; how it ended."""
    asked = {"action": action, "filter": f"queue:{queue}"} | more
    found = await made(api, "/api/operations", asked)
    while found["status"] == "running":
        await asyncio.sleep(0.01)
        found = (await api.client.get(f"/api/operations/{found['id']}")).json()
    return found


ON_JOBS = [
    ("GET", ""), ("GET", "?wait=1"), ("GET", "/runs"), ("GET", "/runs/1"), ("GET", "/logs"),
    ("GET", "/logs?follow=true"), ("GET", "/events"), ("GET", "/explain"), ("POST", "/cancel"),
    ("POST", "/retry"), ("POST", "/pause"), ("POST", "/resume"), ("PATCH", "/pause"),
    ("PATCH", "/resume"), ("PATCH", ""), ("PUT", ""), ("DELETE", ""),
]  # fmt: skip
ON_SCHEDULES = [
    ("GET", ""), ("GET", "/fires"), ("GET", "/jobs"), ("GET", "/next"), ("POST", "/pause"),
    ("POST", "/resume"), ("POST", "/trigger"), ("POST", "/backfill"), ("PATCH", ""), ("PUT", ""),
    ("DELETE", ""),
]  # fmt: skip
BODIES = {
    "/backfill": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"},
    "/resume": {},
    "/pause": {},
}


async def ask(api: Api, method: str, path: str, ending: str) -> httpx.Response:
    body = BODIES.get(ending, {"name": "mine now"}) if method in ("PUT", "PATCH") else None
    if method == "POST":
        body = BODIES.get(ending, {})
    return await api.client.request(method, path + ending, json=body)


def without_id(answer: httpx.Response, id_: str) -> str:
    return answer.text.replace(id_, "ID")


async def refused_as_unknown(api: Api, routes: list[tuple[str, str]], path: str, id_: str) -> None:
    """Asking for another's is answered letter by letter as asking for what never was."""
    for method, ending in routes:
        answer = await ask(api, method, f"{path}/{id_}", ending)
        never = await ask(api, method, f"{path}/{UNKNOWN}", ending)
        assert answer.status_code == 404, (method, ending, answer.text)
        assert without_id(answer, id_) == without_id(never, UNKNOWN), (method, ending)


async def test_anothers_job_is_not_found(callers: Callers) -> None:
    queue = fresh_queue()
    [job_id] = await callers.user.submit(queue)
    await refused_as_unknown(callers.other, ON_JOBS, "/api/jobs", job_id)
    problem(await callers.other.client.get(f"/api/job-status/{job_id}"), 404, "job_not_found")
    mine = await callers.user.job(job_id)
    assert (mine["status"], mine["version"], mine["name"]) == ("pending", 1, None)


async def test_anothers_schedule_is_not_found(callers: Callers) -> None:
    schedule = await made(callers.user, "/api/schedules", CRON)
    await refused_as_unknown(callers.other, ON_SCHEDULES, "/api/schedules", schedule["id"])
    mine = (await callers.user.client.get(f"/api/schedules/{schedule['id']}")).json()
    assert mine["version"] == 1
    jobs = (await callers.user.client.get(f"/api/schedules/{schedule['id']}/jobs")).json()
    assert jobs["items"] == []


async def test_anothers_workflow_and_operation_are_not_found(callers: Callers) -> None:
    flow = await made(callers.user, "/api/workflows", GRAPH)
    routes = [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")]
    await refused_as_unknown(callers.other, routes, "/api/workflows", flow["id"])
    bulk = await operation(callers.user, fresh_queue())
    routes = [("GET", ""), ("POST", "/abort")]
    await refused_as_unknown(callers.other, routes, "/api/operations", bulk["id"])
    mine = (await callers.user.client.get(f"/api/workflows/{flow['id']}")).json()
    assert mine["status"] == "running"


async def test_a_beginning_finds_only_what_is_the_callers(callers: Callers) -> None:
    [mine] = await callers.user.submit(fresh_queue())
    [others] = await callers.other.submit(fresh_queue())
    for size in (35, 30):
        assert (await callers.user.job(mine[:size]))["id"] == mine
        problem(await callers.user.client.get(f"/api/jobs/{others[:size]}"), 404, "job_not_found")
        problem(await callers.user.client.post(f"/api/jobs/{others[:size]}/cancel"), 404)
    flow = (await made(callers.other, "/api/workflows", GRAPH))["id"]
    problem(await callers.user.client.get(f"/api/workflows/{flow[:35]}"), 404)
    schedule = (await made(callers.other, "/api/schedules", CRON))["id"]
    problem(await callers.user.client.delete(f"/api/schedules/{schedule[:35]}"), 404)
    assert (await callers.other.client.get(f"/api/schedules/{schedule[:35]}")).status_code == 200


async def ids(api: Api, path: str, key: str = "id") -> set[str]:
    answer = await api.client.get(path)
    assert answer.status_code == 200, answer.text
    return {item[key] for item in answer.json()["items"]}


async def test_lists_show_what_the_caller_sees(callers: Callers) -> None:
    queue = fresh_queue()
    [mine], [others] = await callers.user.submit(queue), await callers.other.submit(queue)
    for filter_ in (
        f"queue={queue}", f"q=queue:{queue}", f"q=id:{mine},{others}",
        f"queue={queue}&status=pending", f"queue={queue}&status=pending,failed",
        f"queue={queue}&page=1",
    ):  # fmt: skip
        assert await ids(callers.user, f"/api/jobs?{filter_}") == {mine}, filter_
        assert await ids(callers.other, f"/api/jobs?{filter_}") == {others}, filter_
        for whole in (callers.admin, callers.viewer):
            assert await ids(whole, f"/api/jobs?{filter_}") == {mine, others}, filter_
    owner = f"/api/jobs?q=owner:{callers.ids['other']}"
    assert await ids(callers.user, owner) == set()
    assert others in await ids(callers.viewer, owner)
    pending = f"/api/jobs/pending?queue={queue}"
    assert await ids(callers.user, pending, "job_id") == {mine}
    assert await ids(callers.admin, pending, "job_id") == {mine, others}
    following = f"/api/jobs/next?queue={queue}"
    assert (await callers.other.client.get(following)).json()["job_id"] == others


async def test_counts_of_a_list_are_of_what_the_caller_sees(callers: Callers) -> None:
    queue = fresh_queue()
    await callers.other.submit(queue, 7)
    await callers.user.submit(queue, 3)
    page = (await callers.user.client.get(f"/api/jobs?queue={queue}&status=pending&limit=2")).json()
    assert len(page["items"]) == 2 and page["approx_total"] is None
    rest = await callers.user.client.get(
        f"/api/jobs?queue={queue}&status=pending&limit=5&after={page['next']}"
    )
    assert len(rest.json()["items"]) == 1 and rest.json()["next"] is None


async def test_lists_of_other_objects_show_what_the_caller_sees(callers: Callers) -> None:
    bulk = {"action": "cancel", "filter": f"queue:{fresh_queue()}"}
    for path, body in (
        ("/api/workflows", GRAPH), ("/api/schedules", CRON), ("/api/operations", bulk),
    ):  # fmt: skip
        mine = (await made(callers.user, path, body))["id"]
        others = (await made(callers.other, path, body))["id"]
        for listed in (path, f"{path}?limit=100"):
            seen = await ids(callers.user, listed)
            assert mine in seen and others not in seen
            assert {mine, others} <= await ids(callers.viewer, listed)


async def failed(callers: Callers, api: Api, queue: str) -> str:
    """A job that failed for good; its id."""
    [job_id] = await api.submit(queue, max_attempts=1)
    worker = await callers.admin.register(queue)
    [lease] = await worker.acquire()
    error = {"type": "Boom", "message": f"in {queue}"}
    answer = await worker.complete(lease, outcome="failed", error=error)
    assert answer.status_code == 200, answer.text
    return job_id


async def test_dead_letters_are_the_callers(callers: Callers) -> None:
    queue = fresh_queue()
    others = await failed(callers, callers.other, queue)
    mine = await failed(callers, callers.user, queue)
    path = f"/api/dead-letters?q=queue:{queue}"
    [group] = (await callers.user.client.get(path)).json()["items"]
    assert (group["count"], group["sample_job_id"]) == (1, mine)
    [whole] = (await callers.viewer.client.get(path)).json()["items"]
    assert whole["count"] == 2
    one = f"/api/dead-letters/{group['fingerprint']}"
    assert (await callers.other.client.get(one)).json()["sample_job_id"] == others
    lonely = fresh_queue()
    await failed(callers, callers.other, lonely)
    [found] = (await callers.other.client.get(f"/api/dead-letters?q=queue:{lonely}")).json()[
        "items"
    ]
    if found["fingerprint"] != group["fingerprint"]:
        problem(await callers.user.client.get(f"/api/dead-letters/{found['fingerprint']}"), 404)


async def test_an_operation_acts_on_what_its_caller_sees(callers: Callers) -> None:
    queue = fresh_queue()
    [mine], [others] = await callers.user.submit(queue), await callers.other.submit(queue)
    asked = {"action": "cancel", "filter": f"queue:{queue}", "dry_run": True}
    preview = (await callers.user.client.post("/api/operations", json=asked)).json()
    assert (preview["matched"], preview["sample"]) == (1, [mine])
    assert (await operation(callers.user, queue))["done"] == 1
    named = await operation(callers.user, queue, filter=f"id:{others}")
    assert named["done"] == 0
    assert (await callers.other.job(others))["status"] == "pending"
    assert (await operation(callers.admin, queue))["done"] == 1
    assert (await callers.other.job(others))["status"] == "cancelled"


async def test_a_job_depends_on_the_callers_jobs_only(callers: Callers) -> None:
    [others] = await callers.other.submit(fresh_queue())
    for parent in (others, UNKNOWN):
        job = {"type": "echo", "depends_on": [parent]}
        node = {"key": "a", "type": "echo", "depends_on": [{"job_id": parent}]}
        for path, body, status in (
            ("/api/jobs", job, 422),
            ("/api/jobs/batch", [{"type": "echo"}, job], 422),
            ("/api/workflows", {"jobs": [node]}, 422),
        ):
            found = problem(await callers.user.client.post(path, json=body), status)
            assert found["errors"][0]["detail"] == f"there is no job {parent}", path
        answer = await callers.user.client.post("/api/jobs/batch?atomic=false", json=[job])
        [item] = answer.json()["items"]
        assert item["outcome"] == "refused"
    for api in (callers.other, callers.admin):
        await made(api, "/api/jobs", {"type": "echo", "depends_on": [others]})


async def test_a_running_job_takes_jobs_of_its_owner_only(callers: Callers) -> None:
    queue = fresh_queue()
    [others] = await callers.other.submit(queue)
    worker = await callers.admin.register(queue)
    [lease] = await worker.acquire()
    parent = {"job_id": others, "fence": lease["fence"]}
    body = {"type": "echo", "queue": queue, "parent": parent, "key": "k"}
    never = body | {"parent": {"job_id": UNKNOWN, "fence": 1}}
    told = [
        problem(await callers.user.client.post("/api/jobs", json=b), 409) for b in (body, never)
    ]
    assert {item["code"] for item in told} == {"lease_lost"}
    problem(await callers.worker.client.post("/api/jobs", json=body), 409, "lease_lost")
    child = await made(callers.other, "/api/jobs", body)
    assert (await callers.other.job(child["id"]))["owner_id"] == callers.ids["other"]


async def test_what_a_running_job_adds_stays_with_its_owner(callers: Callers) -> None:
    """Neither its unique key nor what it depends on reaches another owner's jobs."""
    unique = {"key": fresh_queue(), "on_conflict": "replace"}
    queue = fresh_queue()
    admins = (await made(callers.admin, "/api/jobs", {"type": "x", "unique": unique}))["id"]
    [mine] = await callers.user.submit(queue)
    worker = await callers.admin.register(queue)
    [lease] = await worker.acquire()
    body = {"type": "echo", "payload": "evil", "unique": unique, "queue": queue}
    body["parent"] = {"job_id": mine, "fence": lease["fence"]}
    child = (await made(callers.admin, "/api/jobs", body))["id"]
    assert child != admins and (await callers.user.job(child))["payload"] == "evil"
    assert (await callers.admin.job(admins))["payload"] is None
    body = {k: v for k, v in body.items() if k != "unique"} | {"depends_on": [admins]}
    problem(await callers.user.client.post("/api/jobs", json=body), 422)


async def test_keys_are_apart_by_owner(callers: Callers) -> None:
    key = fresh_queue()
    body = {"type": "echo", "unique": {"key": key, "scope": "forever"}}
    headers = {"Idempotency-Key": key}
    answers = [
        await api.client.post("/api/jobs", json=body, headers=headers)
        for api in (callers.user, callers.other, callers.user)
    ]
    mine, others, again = (answer.json()["id"] for answer in answers)
    assert mine == again != others
    assert answers[2].headers["idempotency-replayed"] == "true"
    body["payload"] = "other"
    replaced = body | {"unique": {"key": key, "scope": "forever", "on_conflict": "reject"}}
    told = problem(await callers.other.client.post("/api/jobs", json=replaced), 409, "unique_taken")
    assert mine not in str(told)


async def test_viewers_read_all_and_touch_nothing(callers: Callers) -> None:
    queue = fresh_queue()
    [job_id] = await callers.user.submit(queue)
    assert (await callers.viewer.job(job_id))["id"] == job_id
    for method, ending in ON_JOBS:
        answer = await ask(callers.viewer, method, f"/api/jobs/{job_id}", ending.partition("?")[0])
        allowed = 404 if ending == "/runs/1" else 200
        assert answer.status_code == (allowed if method == "GET" else 403), (method, ending)


async def test_admins_touch_all(callers: Callers) -> None:
    [job_id] = await callers.user.submit(fresh_queue())
    job = (await callers.admin.client.post(f"/api/jobs/{job_id}/cancel")).json()
    assert (job["status"], job["owner_id"]) == ("cancelled", callers.ids["user"])
    schedule = await made(callers.user, "/api/schedules", CRON)
    job = await made(callers.admin, f"/api/schedules/{schedule['id']}/trigger", {})
    assert (await callers.user.job(job["id"]))["owner_id"] == callers.ids["user"]


async def test_what_all_share_is_the_admins(callers: Callers) -> None:
    """A limit counts for every owner's jobs of the key, so one of them does not set it."""
    path = f"/api/limits/{fresh_queue()}"
    for api in (callers.user, callers.viewer):
        problem(await api.client.put(path, json={"max_running": 9}), 403, "forbidden")
        problem(await api.client.delete(path), 403, "forbidden")
        assert (await api.client.get(path)).json()["max_running"] == 1
    assert (await callers.admin.client.put(path, json={"max_running": 9})).status_code == 200
