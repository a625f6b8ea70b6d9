"""Schedules that submit whole workflows, over HTTP, on both stores."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tenure.domain.clock import SECOND, rfc3339
from tests.api.calls import Api, fresh_queue, pointers
from tests.api.schedules import NOBODY, YEARLY, act, get

pytestmark = pytest.mark.anyio


def flow() -> dict[str, Any]:
    """Two jobs, the second after the first."""
    queue = fresh_queue()
    first = {"key": "load", "type": "echo", "queue": queue, "payload": {"n": 1}}
    second = {"key": "sum", "type": "echo", "queue": queue, "depends_on": ["load"]}
    return {"name": "etl", "jobs": [first, second]}


async def test_a_schedule_may_submit_a_whole_workflow(api: Api) -> None:
    asked = flow()
    body = {"every_seconds": 1, "misfire_after_seconds": 86_400, "workflow": asked}
    answer = await api.client.post("/api/schedules", json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["job"] is None
    assert [job["key"] for job in made["workflow"]["jobs"]] == ["load", "sum"]
    assert made["workflow"]["jobs"][1]["depends_on"] == [{"key": "load", "on": "success"}]
    async with asyncio.timeout(120):
        while len((await get(api, f"{made['id']}/fires"))["items"]) < 2:
            await asyncio.sleep(0.02)
    await act(api, made["id"], "pause")
    *_, fired = (await get(api, f"{made['id']}/fires"))["items"]
    assert (fired["outcome"], fired["job_id"]) == ("fired", None)
    detail = (await api.client.get(f"/api/workflows/{fired['workflow_id']}")).json()
    assert (detail["name"], detail["status"]) == ("etl", "running")
    assert [job["status"] for job in detail["nodes"]] == ["pending", "blocked"]
    rows = (await get(api, f"{made['id']}/fires"))["items"]
    assert {row["outcome"] for row in rows[:-1]} == {"overlapped"}
    member = await api.register(asked["jobs"][0]["queue"])
    for _ in range(2):
        [lease] = await member.acquire(2)
        assert (await member.complete(lease)).status_code == 200
    detail = (await api.client.get(f"/api/workflows/{fired['workflow_id']}")).json()
    assert detail["status"] == "completed"
    jobs = (await get(api, f"{made['id']}/jobs"))["items"]
    assert {job["workflow_id"] for job in jobs} == {fired["workflow_id"]}


async def test_a_workflow_is_run_now_backfilled_and_replaced(api: Api) -> None:
    body = {"cron": "0 * * * *", "workflow": flow(), "paused": True}
    made = (await api.client.post("/api/schedules", json=body)).json()
    path = f"/api/schedules/{made['id']}"
    headers = {"Idempotency-Key": fresh_queue()}
    job = (await api.client.post(f"{path}/trigger", headers=headers)).json()
    again = (await api.client.post(f"{path}/trigger", headers=headers)).json()
    assert (job["key"], job["schedule_id"], again["id"]) == ("load", made["id"], job["id"])
    now = api.coordinator.clock.now()
    hour = 3600 * SECOND
    span = {"from": rfc3339(now - 2 * hour - SECOND), "to": rfc3339(now - SECOND)}
    done = await act(api, made["id"], "backfill", **span)
    assert done["count"] == 2
    assert {item["job_id"] for item in done["items"]} == {None}
    assert (await act(api, made["id"], "backfill", **span))["existing"] == 2
    found = (await api.client.put(path, json={"job": {"type": "echo"}})).json()
    assert (found["workflow"], found["job"]["type"]) == (None, "echo")


WRONG_FLOWS: list[tuple[Any, str]] = [
    ([], "/workflow"),
    ({"jobs": []}, "/workflow/jobs"),
    ({"jobs": [{"key": "a"}]}, "/workflow/jobs/0/type"),
    ({"jobs": [{"key": "a", "type": "t", "run_at": 1}]}, "/workflow/jobs/0/run_at"),
    ({"run_at": 1, "jobs": []}, "/workflow/run_at"),
    (
        {"jobs": [{"key": "a", "type": "t", "depends_on": ["b"]}]},
        "/workflow/jobs/0/depends_on/0",
    ),
    (
        {"jobs": [{"key": "a", "type": "t", "depends_on": [{"job_id": NOBODY}]}]},
        "/workflow/jobs/0/depends_on",
    ),
]


@pytest.mark.parametrize(("wrong", "pointer"), WRONG_FLOWS)
async def test_a_wrong_workflow_is_named(api: Api, wrong: Any, pointer: str) -> None:
    body = {"cron": YEARLY, "workflow": wrong}
    assert pointers(await api.client.post("/api/schedules", json=body)) == [pointer]
    both = {"cron": YEARLY, "job": {"type": "echo"}, "workflow": flow()}
    assert pointers(await api.client.post("/api/schedules", json=both)) == ["/workflow"]
